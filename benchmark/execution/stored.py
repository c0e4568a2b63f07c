"""Which jobs have nothing left to do: reading them back is not worth a process and a device of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmark.bench import Bench
from benchmark.fitting import key_of, stored_round
from benchmark.plan import Job, Work
from benchmark.progress import Progress
from benchmark.store import FULL_DATA
from benchmark.trajectory import History, Turn
from strategies.registry import resolve


def to_do(bench: Bench, jobs: Mapping[Job, Work]) -> dict[Job, Work]:
    """The jobs that still have something to do; a round 0 only where a trajectory of its seed has."""
    quiet = replace(bench, progress=Progress(quiet=True))
    left = {job for job in jobs if job.kind != "round-0" and not is_stored(quiet, job)}
    left |= {job.needs for job in left if job.needs is not None}
    return {job: work for job, work in jobs.items() if job in left}


def is_stored(bench: Bench, job: Job) -> bool:
    """Whether all results of a trajectory or full-data job are stored, under the keys of this experiment."""
    try:
        return _trajectory(bench, job) if job.kind == "trajectory" else _full_data(bench, job.seed)
    except Exception:  # the job meets the same error, and says it where it is read
        return False


def _trajectory(bench: Bench, job: Job) -> bool:
    named, history = resolve(job.strategy), History(bench.first_set(job.seed))
    strategy = named.create()
    for number in range(len(bench.counts)):
        done = Turn(bench, named, strategy, job.seed, number, history).stored()
        if done is None:
            return False
        strategy.load_state_dict(done.strategy_state)
        history = history.after(done, bench)
    return True


def _full_data(bench: Bench, seed: int) -> bool:
    key = key_of(bench, FULL_DATA, seed, 0, list(bench.dataset.train.ids), None)
    return stored_round(bench, FULL_DATA, seed, 0, key) is not None
