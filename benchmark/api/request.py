"""From what is asked for, in Python or on a command line, to an experiment and its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.execution.resources import Wish
from benchmark.experiment.config import Experiment
from benchmark.experiment.loading import load_experiment
from benchmark.progress import Progress

RESULTS = Path("results")


class Way(NamedTuple):
    """How a run is done, which changes no number: what ``execution.run.run`` takes after the first two."""

    progress: Progress
    timing: bool = True
    engine: str | None = None
    wish: Wish = Wish()
    tracker: str | None = None
    report: bool = True


@dataclass(frozen=True)
class Asked:
    """An experiment and the folder of its results."""

    experiment: Experiment
    folder: Path


def asked_for(file: Path | None, preset: str | None, fields: Mapping[str, Any], out: Path | None) -> Asked:
    """A file or a preset with fields over it (see ``load_experiment``); into results/NAME without ``out``."""
    experiment = load_experiment(file, preset, fields)
    return Asked(experiment, out or RESULTS / experiment.name)
