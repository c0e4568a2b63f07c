"""How many jobs fit at once on the nodes there are, and what each of them gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.experiment.fields_from_options import is_whole
from benchmark.words import counted


@dataclass(frozen=True)
class Wish:
    """What the user asked for: jobs at once (None: as many as fit), and how many of them share a GPU."""

    jobs: int | None = None
    per_device: int = 1

    def __post_init__(self) -> None:
        """Raise UserError for what is no number of jobs: no engine would end, or all cores would be meant."""
        if self.jobs is not None:
            _check_number("jobs", self.jobs)
        _check_number("per_device", self.per_device)


def _check_number(name: str, value: Any) -> None:
    if not is_whole(value) or value < 1:
        raise UserError(f"{name}: must be a whole number from 1 on, not {value!r:.80}.")


@dataclass(frozen=True)
class Node:
    """What a machine has."""

    cpus: int
    gpus: int


@dataclass(frozen=True)
class Share:
    """``jobs`` run at once, each on this device with so many threads."""

    jobs: int
    device: Literal["cpu", "cuda"]
    threads: int
    per_device: int = 1

    @property
    def cpus(self) -> int:
        """Cores that a job takes; where GPUs are what is short, none, so that cores hold none back."""
        return self.threads if self.device == "cpu" else 0

    @property
    def gpus(self) -> float:
        """The part of a GPU that a job takes, rounded down so that all parts fit into the whole."""
        return math.floor(1e4 / self.per_device) / 1e4 if self.device == "cuda" else 0.0


def shared_out(experiment: Experiment, wish: Wish, nodes: Sequence[Node]) -> Share:
    """What each job gets. Raises UserError, before anything waits for it, for what the nodes do not have."""
    gpus = sum(node.gpus for node in nodes)
    if experiment.device.startswith("cuda:"):
        raise UserError(
            f"device: {experiment.device} is one GPU, and engines other than serial place jobs themselves: "
            "give cuda, and choose GPUs by CUDA_VISIBLE_DEVICES."
        )
    if experiment.device == "cuda" and not gpus:
        raise UserError("device: cuda is not there; no node has a CUDA device (use cpu or auto).")
    if experiment.device == "cpu" or not gpus:
        return _on_cores(experiment, wish, nodes)
    return _on_gpus(experiment, wish, gpus, sum(node.cpus for node in nodes))


def _on_gpus(experiment: Experiment, wish: Wish, gpus: int, cpus: int) -> Share:
    room = gpus * wish.per_device
    jobs = wish.jobs or room
    if jobs > room:
        raise UserError(
            f"--jobs {jobs} is more than the {room} that fit on {counted(gpus, 'GPU')} with --per-device "
            f"{wish.per_device}: give fewer jobs, or more of them per device."
        )
    return Share(jobs, "cuda", experiment.threads or max(1, cpus // jobs), wish.per_device)


def _on_cores(experiment: Experiment, wish: Wish, nodes: Sequence[Node]) -> Share:
    if wish.per_device > 1:
        raise UserError("--per-device is for jobs that share a GPU, and these run on the CPU: give --jobs.")
    cpus = sum(node.cpus for node in nodes)
    threads = experiment.threads or max(1, cpus // (wish.jobs or cpus))
    room = sum(node.cpus // threads for node in nodes)
    jobs = wish.jobs or room
    if not room or jobs > room:
        raise UserError(
            f"--jobs {max(jobs, 1)} with {counted(threads, 'thread')} each is more than the {room} that fit "
            f"on {counted(cpus, 'core')}: give fewer jobs, or fewer --threads."
        )
    return Share(jobs, "cpu", threads)
