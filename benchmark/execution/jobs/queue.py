"""Which job comes next, which comes again, and which cannot come at all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmark.protocol.bench import Bench
from benchmark.protocol.work_left import Job, Work, images_of
from benchmark.records.faults import Fault

TRIES = 4  # of a job that the machine fails: the first, and three more
PAUSE = 2.0  # seconds before the second try, twice that before the third, and so on
#: A training step is a forward pass, and a backward pass that costs about two.
PASSES_A_STEP = 3


@dataclass(frozen=True)
class Failure:
    """A job that did not succeed, why in one sentence, and how often it was tried."""

    job: Job
    reason: str
    tries: int = 1


class Queue:
    """Jobs in the order given, each once the job that it needs has succeeded.

    One that the machine failed comes again, after a pause, three times at most; one that failed otherwise
    does not, and what needs it fails with it.
    """

    def __init__(self, jobs: Iterable[Job], say: Callable[[str], None]) -> None:
        self._waiting = list(jobs)
        self._running: set[Job] = set()
        self._tries = Counter[Job]()
        self._not_before: dict[Job, float] = {}
        self._say = say
        self.failures: list[Failure] = []

    @property
    def left(self) -> bool:
        """Whether a job is still to be run or to end."""
        return bool(self._waiting or self._running)

    def take(self) -> Job | None:
        """The next job that can start now, which then runs; None if there is none yet."""
        job = next(filter(self._ready, self._waiting), None)
        if job is not None:
            self._waiting.remove(job)
            self._running.add(job)
            self._tries[job] += 1
        return job

    def settle(self, job: Job, fault: Fault | None) -> None:
        """A running job has ended: well, or with this fault."""
        self._running.remove(job)
        if fault and fault.cause == "machine" and self._tries[job] < TRIES:
            self._again(job, fault)
        elif fault:
            self._say(f"FAILED {job.label}: {fault.reason}")
            self._fail(job, fault.reason)

    def _ready(self, job: Job) -> bool:
        open_ = job.needs in self._waiting or job.needs in self._running
        return not open_ and self._not_before.get(job, 0.0) <= time.monotonic()

    def _again(self, job: Job, fault: Fault) -> None:
        tries = self._tries[job]
        self._say(f"{job.label}: {fault.reason}; try {tries + 1} of {TRIES} follows")
        self._not_before[job] = time.monotonic() + PAUSE * 2 ** (tries - 1)
        self._waiting.insert(0, job)

    def _fail(self, job: Job, reason: str) -> None:
        self.failures.append(Failure(job, reason, self._tries[job]))
        for other in [other for other in self._waiting if other.needs == job]:
            self._waiting.remove(other)
            self.failures.append(Failure(other, f"round 0 of seed {job.seed} failed", 0))


def longest_first(bench: Bench, jobs: Mapping[Job, Work]) -> list[Job]:
    """Round 0s, for which others wait, and then the longest jobs: the short ones fill the gaps at the end."""
    return sorted(jobs, key=lambda job: (job.kind != "round-0", -length(bench, jobs[job])))


def length(bench: Bench, work: Work) -> float:
    """How long a job takes, in images through the network."""
    training = PASSES_A_STEP * work.iterations * bench.experiment.recipe.batch_size
    return training + images_of(bench, work)
