"""What jobs elsewhere say and how far they are, shown to the user as if they ran here."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.execution.jobs.process import LOG
from benchmark.protocol.bench import Bench
from benchmark.protocol.jobs import folder_of
from benchmark.protocol.work_left import Job, Work
from benchmark.records.heartbeat import Sign, read_sign


class Follower:
    """Reads the logs and signs of life of running jobs, and tells the run's progress."""

    def __init__(self, bench: Bench, jobs: Mapping[Job, Work]) -> None:
        self._progress = bench.progress
        self._folders = {job: folder_of(bench, job) for job in jobs}
        self._total = {job: work.iterations for job, work in jobs.items()}
        self._done = dict.fromkeys(jobs, 0)
        self._skipped = dict.fromkeys(jobs, 0)
        self._first: dict[Job, tuple[str, int]] = {}
        # Lines of an earlier run are not said again.
        self._read = {job: len(self._log(job)) for job in jobs}

    def look(self, job: Job, done: bool = False) -> None:
        """Pass on what a job has said since the last look, and how far it is."""
        sign = None if done else read_sign(self._folders[job])
        if done:
            self._done[job] = self._total[job]
        elif sign is not None and not sign.lost:
            self._skip(job, sign)
            left = sign.total - sign.done
            self._done[job] = min(max(self._total[job] - left, 0), self._total[job])
        self._progress.reach(sum(self._done.values()))
        self._pass_on(job)

    def _skip(self, job: Job, sign: Sign) -> None:
        """An earlier run's work says nothing of the pace; that of a lost process of this run does."""
        process = sign.host, sign.pid
        if self._first.setdefault(job, process) == process:
            self._progress.skip(sign.skipped - self._skipped[job])
            self._skipped[job] = sign.skipped

    def _pass_on(self, job: Job) -> None:
        new = self._log(job)[self._read[job] :]
        complete = new[: new.rfind(b"\n") + 1]  # the last line may still be written
        self._read[job] += len(complete)
        for line in complete.decode(errors="replace").splitlines():
            self._progress.finished(line)

    def _log(self, job: Job) -> bytes:
        try:
            return (self._folders[job] / LOG).read_bytes()
        except OSError:
            return b""
