"""Which jobs have nothing left to do: reading them back is not worth a process and a device of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmark.bench import Bench
from benchmark.fitting import key_of, stored_round
from benchmark.plan import Job, Work, work_left
from benchmark.progress import Progress
from benchmark.store import FULL_DATA, Round
from benchmark.trajectory import History, Turn
from strategies.registry import resolve


def to_do(bench: Bench, jobs: Mapping[Job, Work]) -> dict[Job, Work]:
    """The jobs that still have something to do; a round 0 only where a trajectory of its seed has."""
    left = {job for job in jobs if job.kind != "round-0" and not is_stored(bench, job)}
    needed = {job.needs for job in left if job.needs is not None}
    left |= {job for job in needed if jobs[job] != Work()}
    return {job: work for job, work in jobs.items() if job in left}


def is_stored(bench: Bench, job: Job) -> bool:
    """Whether all results of a job are stored, under the keys of this experiment."""
    if job.kind == "round-0":
        return work_left(bench, job) == Work()
    quiet = replace(bench, progress=Progress(quiet=True))
    try:
        return None not in rounds_of(quiet, job)
    except Exception:  # the job meets the same error, and says it where it is read
        return False


def rounds_of(bench: Bench, job: Job) -> Iterator[Round | None]:
    """The stored rounds of a trajectory or a full-data reference in order, by the keys of this experiment.

    None says that the next one is not stored; asked again, it is looked for again.
    """
    return _full_data(bench, job) if job.kind == "full-data" else _trajectory(bench, job)


def _trajectory(bench: Bench, job: Job) -> Iterator[Round | None]:
    named, history = resolve(job.strategy), History.first(bench, job.seed)
    strategy = named.create()
    for number in range(len(bench.counts)):
        turn = Turn(bench, named, strategy, job.seed, number, history)
        while (done := turn.stored()) is None:
            yield None
        yield done
        strategy.load_state_dict(done.strategy_state)
        history = history.after(done, bench)


def _full_data(bench: Bench, job: Job) -> Iterator[Round | None]:
    key = key_of(bench, FULL_DATA, job.seed, 0, list(bench.dataset.train.ids), None)
    while (done := stored_round(bench, FULL_DATA, job.seed, 0, key)) is None:
        yield None
    yield done
