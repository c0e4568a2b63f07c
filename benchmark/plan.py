"""From an experiment to its jobs: round 0 of every seed, trajectories, full-data references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmark.bench import Bench
from benchmark.config import Experiment
from benchmark.round_zero import share_round_zero
from benchmark.store import FULL_DATA, ROUND_ZERO
from benchmark.trajectory import run_full_data, run_trajectory
from strategies.registry import resolve


@dataclass(frozen=True)
class Job:
    """One unit of work. ``strategy`` is a name as the user gave it, for a trajectory."""

    kind: Literal["round-0", "trajectory", "full-data"]
    seed: int
    strategy: str = ""

    @property
    def name(self) -> str:
        """The name under which its results are stored."""
        return resolve(self.strategy).name if self.kind == "trajectory" else self.kind

    @property
    def label(self) -> str:
        """What to call it in a message."""
        return f"{self.name}, seed {self.seed}"

    @property
    def needs(self) -> Job | None:
        """The job that must have succeeded before."""
        return Job("round-0", self.seed) if self.kind == "trajectory" else None


def plan(experiment: Experiment) -> Iterator[Job]:
    """All jobs, each after the one it needs."""
    for seed in experiment.seeds:
        yield Job("round-0", seed)
        if experiment.full_data:
            yield Job("full-data", seed)
        for strategy in experiment.strategies:
            yield Job("trajectory", seed, strategy)


def run_job(bench: Bench, job: Job) -> None:
    """Do one job; what is stored already is not done again."""
    if job.kind == "trajectory":
        run_trajectory(bench, resolve(job.strategy), job.seed)
    elif job.kind == "full-data":
        run_full_data(bench, job.seed)
    else:
        named = [resolve(strategy) for strategy in bench.experiment.strategies]
        share_round_zero(bench, job.seed, {each.name: each.create() for each in named})


def trainings_left(bench: Bench, job: Job) -> int:
    """Trainings that a job still has to do, by the files that are stored."""
    rounds = {"round-0": range(1), "full-data": range(1), "trajectory": range(1, len(bench.counts))}[job.kind]
    folder = {"round-0": ROUND_ZERO, "full-data": FULL_DATA}.get(job.kind, job.name)
    stored = (bench.store.read(bench.dataset.name, folder, job.seed, number) for number in rounds)
    return sum(done is None for done in stored)
