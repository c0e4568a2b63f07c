"""Which jobs have nothing left to do: reading them back is not worth a process and a device of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmark.bench import Bench
from benchmark.fitting import key_of, stored_round
from benchmark.plan import Job, Work, strategies_of
from benchmark.progress import Progress
from benchmark.round_zero import missing_of
from benchmark.store import FULL_DATA
from benchmark.trajectory import History, Turn
from strategies.registry import resolve


def to_do(bench: Bench, jobs: Mapping[Job, Work]) -> dict[Job, Work]:
    """The jobs that still have something to do; a round 0 only where a trajectory of its seed has."""
    left = {job for job in jobs if job.kind != "round-0" and not is_stored(bench, job)}
    needed = {job.needs for job in left if job.needs is not None}
    left |= {job for job in needed if not is_stored(bench, job)}
    return {job: work for job, work in jobs.items() if job in left}


def is_stored(bench: Bench, job: Job) -> bool:
    """Whether all results of a job are stored, under the keys of this experiment."""
    checks = {"round-0": _round_zero, "trajectory": _trajectory, "full-data": _full_data}
    quiet = replace(bench, progress=Progress(quiet=True))
    try:
        return checks[job.kind](quiet, job)
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


def _full_data(bench: Bench, job: Job) -> bool:
    key = key_of(bench, FULL_DATA, job.seed, 0, list(bench.dataset.train.ids), None)
    return stored_round(bench, FULL_DATA, job.seed, 0, key) is not None


def _round_zero(bench: Bench, job: Job) -> bool:
    return not missing_of(bench, job.seed, strategies_of(bench.experiment))
