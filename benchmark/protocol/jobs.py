"""From an experiment to its jobs: round 0 of every seed, trajectories, full-data references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.experiment.config import Experiment
from strategies.registry import resolve

if TYPE_CHECKING:
    from benchmark.protocol.bench import Bench


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
        for strategy in experiment.every_strategy:
            yield Job("trajectory", seed, strategy)


def numbered(experiment: Experiment) -> list[Job]:
    """All jobs in the order of `mtal run-one --index`: round 0 of every seed, then what may need it."""
    return sorted(plan(experiment), key=lambda job: job.kind != "round-0")


def folder_of(bench: Bench, job: Job) -> Path:
    """The folder of a job's results."""
    return bench.store.trajectory(bench.dataset.name, job.name, job.seed)
