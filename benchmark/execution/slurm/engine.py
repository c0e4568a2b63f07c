"""The SLURM engine: arrays of jobs by submitit, each trajectory of a seed once its round 0 is done."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from benchmark.errors import UserError
from benchmark.execution.jobs.finished import is_stored, to_do
from benchmark.execution.jobs.process import Order, opened_for, order_of
from benchmark.execution.jobs.queue import TRIES, Failure, longest_first
from benchmark.execution.remote_engine import Elsewhere
from benchmark.execution.remote_progress import Follower
from benchmark.execution.resources import Wish
from benchmark.execution.single_job import run_alone
from benchmark.experiment.config import Experiment
from benchmark.optional_libraries import install_command
from benchmark.protocol.bench import Bench
from benchmark.protocol.jobs import folder_of
from benchmark.protocol.work_left import Job, Work
from benchmark.records.faults import ERROR, fault_of, kept_error
from benchmark.words import counted

POLL, LOOK = 2.0, 60  # seconds between two looks at what the jobs say; at the queue, at most
FOLDER = "slurm"  # what submitit writes
THREADS = 4  # cores of a job, if --threads does not say
MOST = 256  # jobs of an array at once, if --jobs does not say
#: submitit wants a limit; SBATCH_TIMELIMIT is stronger, and a job that reaches it is put in the queue again.
MINUTES = 24 * 60
TIMEOUTS = 1000


class Slurm(Elsewhere):
    """Submits jobs and waits for them. Raises UserError where SLURM or submitit is missing."""

    def __init__(self, experiment: Experiment, wish: Wish) -> None:
        import_submitit()
        _check(experiment, wish)
        device = "cpu" if experiment.device == "cpu" else "cuda"
        super().__init__(experiment, device, experiment.threads or THREADS)
        self._at_once = wish.jobs or MOST

    def place(self, bench: Bench) -> str:
        """Where jobs run, in words."""
        del bench
        threads = counted(self.experiment.threads or THREADS, "thread")
        return f"{self.experiment.device} of a SLURM cluster, {threads} each"

    def run_jobs(self, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
        """Submit all jobs that have something to do, and wait for them; they go on if this process ends."""
        left = to_do(bench, jobs)
        if not left:
            return []
        submission = Submission(bench, self.experiment, self._at_once)
        waiting = Waiting(bench, submission, submission.submit(longest_first(bench, left)))
        bench.progress.say(
            f"Submitted. Jobs go on if this command ends; to end them: scancel {waiting.numbers}"
        )
        return waiting.to_the_end(Follower(bench, left))


class Submission:
    """Hands jobs to SLURM."""

    def __init__(self, bench: Bench, experiment: Experiment, at_once: int) -> None:
        submitit = import_submitit()
        from benchmark.execution.slurm.queue import QueueWatcher

        self._bench, self._experiment = bench, experiment
        submitit.SlurmJob.watcher = QueueWatcher(LOOK)
        folder = folder_of_logs(bench.store.root)
        self._executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=TIMEOUTS)
        self._executor.update_parameters(
            name=f"mtal-{experiment.name or bench.store.root.name}",
            timeout_min=MINUTES,
            cpus_per_task=experiment.threads,
            gpus_per_node=1 if experiment.device == "cuda" else 0,
            slurm_array_parallelism=at_once,
        )

    def submit(self, jobs: Sequence[Job]) -> dict[Job, Any]:
        """One array of what needs nothing that is left to do, and for each round 0 in it one that waits."""
        handles = self._array([job for job in jobs if job.needs not in jobs])
        for first in [job for job in handles if job.kind == "round-0"]:
            after = {"dependency": f"afterok:{handles[first].job_id}", "kill-on-invalid-dep": "yes"}
            handles |= self._array([job for job in jobs if job.needs == first], after)
        return handles

    def _array(self, jobs: Sequence[Job], conditions: Mapping[str, str] | None = None) -> dict[Job, Any]:
        self._executor.update_parameters(slurm_additional_parameters=dict(conditions or {}))
        for job in jobs:  # of an earlier run; what is there after this is of this one
            (folder_of(self._bench, job) / ERROR).unlink(missing_ok=True)
        with self._executor.batch():
            handles = [
                self._executor.submit(Task(order_of(self._bench, self._experiment, job))) for job in jobs
            ]
        return dict(zip(jobs, handles, strict=True))


def folder_of_logs(root: Path) -> Path:
    """What submitit writes into, for a folder of results: within it, unless its path has a % (a variant over
    ``FILE.py:NAME``), which sbatch takes for a sign of its own; then beside the first such folder.
    """
    whole = root.absolute()
    odd = next((place for place in (*reversed(whole.parents), whole) if "%" in place.name), None)
    if odd is None:
        return root / FOLDER
    return odd.parent / FOLDER / str(whole.relative_to(odd.parent)).replace("%", "-")


class Task:
    """What runs in a SLURM job; ``checkpoint`` has it put into the queue again when its time is over."""

    def __init__(self, order: Order) -> None:
        self.order = order

    def __call__(self) -> None:
        """Do the job. Raises RuntimeError if it failed, so that no job which needs it starts."""
        signal.signal(signal.SIGTERM, _stop)  # submitit's own handler does nothing, and SLURM then kills
        signal.signal(signal.SIGUSR1, signal.getsignal(signal.SIGUSR2))  # whichever is sent: the time is over
        try:
            bench = opened_for(self.order)
        except Exception as error:
            raise RuntimeError(fault_of(error, Path(self.order.folder)).reason) from error
        if failures := run_alone(bench, self.order.job):
            raise RuntimeError(failures[0].reason)

    def checkpoint(self) -> Any:
        """The same again: all state is on disk."""
        return import_submitit().helpers.DelayedSubmission(self)


def import_submitit() -> Any:
    """The submitit module. Raises UserError when it is not installed."""
    try:
        import submitit
    except ImportError:
        raise UserError(f"--engine slurm needs submitit: {install_command('slurm')} brings it.") from None
    return submitit


def _check(experiment: Experiment, wish: Wish) -> None:
    missing = [program for program in ("sbatch", "srun") if shutil.which(program) is None]
    if missing:
        raise UserError(f"--engine slurm: there is no {missing[0]} on this machine; run it where SLURM is.")
    if wish.per_device > 1:
        raise UserError("--per-device: SLURM gives every job a GPU of its own; use ray under SLURM to share.")
    if experiment.device.startswith("cuda:"):
        raise UserError(f"device: {experiment.device}: SLURM says which GPU a job gets; give cuda.")


class Waiting:
    """Waits for submitted jobs; one that SLURM lost is submitted again, three times at most."""

    def __init__(self, bench: Bench, submission: Submission, handles: dict[Job, Any]) -> None:
        self._bench, self._submission, self._handles = bench, submission, handles
        self._tries, self._failures = Counter(handles.keys()), list[Failure]()

    @property
    def numbers(self) -> str:
        """SLURM's numbers of the arrays."""
        return " ".join(sorted({handle.job_id.split("_")[0] for handle in self._handles.values()}))

    def to_the_end(self, follower: Follower) -> list[Failure]:
        """Wait until no job is left; what failed and why."""
        while self._handles:
            time.sleep(POLL)
            for job in list(self._handles):
                follower.look(job)
            for job, handle in self._ended():
                if self._handles.get(job) is handle:  # or it was given up, or submitted with what it needs
                    self._end(job, self._handles.pop(job), follower)
        return self._failures

    def _ended(self) -> list[tuple[Job, Any]]:
        """Round 0s first: what waits for a lost one was cancelled with it, and is submitted with it again."""
        ended = [(job, handle) for job, handle in self._handles.items() if handle.done()]
        return sorted(ended, key=lambda item: item[0].kind != "round-0")

    def _end(self, job: Job, handle: Any, follower: Follower) -> None:
        done = is_stored(self._bench, job)
        follower.look(job, done=done)
        if not done:
            self._settle(job, handle)

    def _settle(self, job: Job, handle: Any) -> None:
        reason = kept_error(folder_of(self._bench, job))  # which the job has said itself, in its log
        cancelled = handle.state.startswith("CANCELLED")
        if reason is None and not cancelled and self._tries[job] < TRIES:
            self._again(job, handle)
            return
        if reason is None:
            reason = f"SLURM says {handle.state}"
            self._bench.progress.say(f"FAILED {job.label}: {reason}")
        self._fail(job, reason)

    def _again(self, job: Job, handle: Any) -> None:
        """It said nothing: killed, or its node was lost."""
        self._tries[job] += 1
        self._bench.progress.say(f"{job.label}: {handle.state}; try {self._tries[job]} of {TRIES} follows")
        waiting = [other for other in self._handles if other.needs == job]
        for other in waiting:  # for a job that will not succeed; SLURM may have ended it already
            self._handles[other].cancel(check=False)
        self._handles |= self._submission.submit([job, *waiting])

    def _fail(self, job: Job, reason: str) -> None:
        self._failures.append(Failure(job, reason, self._tries[job]))
        for other in [other for other in self._handles if other.needs == job]:
            self._handles.pop(other).cancel(check=False)
            self._failures.append(Failure(other, f"round 0 of seed {job.seed} failed", 0))


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(143)
