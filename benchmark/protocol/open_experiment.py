"""An experiment opened on this machine, or a sentence on what is lacking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.records.results_folder import EXPERIMENT

if TYPE_CHECKING:
    from benchmark.protocol.bench import Bench


def opened(experiment: Experiment, out: Path, progress: Progress) -> Bench:
    """The experiment opened. Raises UserError for what it needs and this machine or its data lacks."""
    from benchmark.protocol.bench import open_bench

    _check_compiler(experiment)
    progress.say(f"Opening {experiment.dataset}")
    return open_bench(experiment, out, progress)


def trains_here(experiment: Experiment) -> bool:
    """Whether this machine has the device that the experiment names, and the compiler if it needs one."""
    from benchmark.training.hardware.devices import pick_device

    try:
        pick_device(experiment.device)
        _check_compiler(experiment)
    except UserError:
        return False
    return True


def _check_compiler(experiment: Experiment) -> None:
    from benchmark.training.hardware.compiled import check_compiler
    from benchmark.training.hardware.devices import pick_device

    if experiment.recipe.compile:
        check_compiler(pick_device(experiment.device), experiment.recipe.compile)


def require_weights(experiment: Experiment, out: Path) -> None:
    """Raises UserError where the network's pre-trained weights cannot be had: said before data are opened.

    A folder that holds results may be finished, and then needs none.
    """
    from benchmark.networks.weights.at_hand import check_weights

    if not (out / EXPERIMENT).is_file():
        check_weights(experiment.network)
