"""What a job does, and how much of it is left to do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmark.bench import Bench
from benchmark.config import Experiment
from benchmark.jobs import Job, plan
from benchmark.progress import Progress
from benchmark.round_zero import missing_of, share_round_zero
from benchmark.store import FULL_DATA
from benchmark.training.observe import needs_pass
from benchmark.trajectory import run_full_data, run_trajectory
from strategies.interface import Strategy
from strategies.registry import resolve

__all__ = ["Job", "Work", "passes_of", "plan", "run_job", "strategies_of", "whole_work", "work_left"]


def run_job(bench: Bench, job: Job) -> None:
    """Do one job; what is stored already is not done again."""
    if job.kind == "trajectory":
        run_trajectory(bench, resolve(job.strategy), job.seed)
    elif job.kind == "full-data":
        run_full_data(bench, job.seed)
    else:
        share_round_zero(bench, job.seed, strategies_of(bench.experiment))


def strategies_of(experiment: Experiment) -> dict[str, Strategy]:
    """Fresh strategies of an experiment by name; round 0 trains the companions of all."""
    return {named.name: named.create() for named in map(resolve, experiment.every_strategy)}


@dataclass(frozen=True)
class Work:
    """What is left to do: trainings, each with its evaluation, and forward passes over the whole pool."""

    trainings: int = 0
    passes: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.trainings + other.trainings, self.passes + other.passes)


def whole_work(bench: Bench, job: Job) -> Work:
    """What a job is when nothing of it is stored."""
    later = len(bench.counts) - 1
    if job.kind != "trajectory":
        return Work(trainings=1)
    return Work(later, later * passes_of(resolve(job.strategy).create()))


def work_left(bench: Bench, job: Job) -> Work:
    """What a job still has to do, by the files that are stored."""
    if job.kind == "round-0":
        return Work(trainings=int(_lacks_something(bench, job.seed)))
    if job.kind == "full-data":
        return Work(trainings=len(_missing(bench, job.seed, FULL_DATA, 1)))
    rounds = len(bench.counts)
    missing = _missing(bench, job.seed, job.name, rounds)
    selections = set(missing) - {rounds - 1}  # the last round selects nothing
    return Work(len(set(missing) - {0}), len(selections) * passes_of(resolve(job.strategy).create()))


def _lacks_something(bench: Bench, seed: int) -> bool:
    """Whether round 0 of a seed is to be trained: it lacks what a strategy trains beside the network, too."""
    try:
        return bool(
            missing_of(replace(bench, progress=Progress(quiet=True)), seed, strategies_of(bench.experiment))
        )
    except Exception:  # the job meets the same error, and says it
        return True


def _missing(bench: Bench, seed: int, folder: str, rounds: int) -> list[int]:
    return [n for n in range(rounds) if bench.store.read(bench.dataset.name, folder, seed, n) is None]


def passes_of(strategy: Strategy) -> int:
    """Forward passes over the pool for one selection. A dropout view is counted whole, and computes less."""
    return 1 + len(strategy.views) if needs_pass(strategy) else 0
