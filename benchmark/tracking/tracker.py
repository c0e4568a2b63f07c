"""What a tracker is, and which ones there are; each library is imported where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from benchmark.errors import UserError
from benchmark.optional_libraries import install_command

#: Module and class by name; the module is imported when the tracker is asked for.
TRACKERS: Mapping[str, tuple[str, str]] = {
    "tensorboard": ("benchmark.tracking.tensorboard", "TensorBoard"),
    "wandb": ("benchmark.tracking.wandb", "WeightsAndBiases"),
    "mlflow": ("benchmark.tracking.mlflow", "MLflow"),
}


@dataclass(frozen=True)
class Curve:
    """A trajectory, or the full-data reference of a seed, as a tracker knows it: one run of its own."""

    #: The same whenever the same trajectory of the same folder of results is sent again.
    id: str
    name: str
    #: Its folder within the folder of results.
    place: Path
    #: What it was run with, as JSON has it.
    settings: Mapping[str, Any]


class Writer(Protocol):
    """One curve at a tracker."""

    def round(self, labelled: int, values: Mapping[str, float]) -> None:
        """Send a round, in order; one that the tracker has already is not doubled."""

    def end(self) -> None:
        """Nothing more comes from this process."""


class Tracker(Protocol):
    """A library that shows curves. Raises whatever it raises: the courier gives it up then."""

    #: Where the curves are to be seen, in words.
    place: str

    def begin(self, curve: Curve) -> Writer:
        """Open the run of a curve, the same one as an earlier process if there was one."""


def trackers(text: str | None, out: Path, study: str) -> dict[str, Tracker]:
    """The trackers of comma-separated names, for the study that is in this folder of results.

    Raises UserError for an unknown name, a library that is not installed, and one that nobody has logged in
    to.
    """
    names = list(dict.fromkeys(filter(None, map(str.strip, (text or "").split(",")))))
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"--tracker: there is no tracker {name!r}; there is: {', '.join(TRACKERS)}.")
    return {name: _opened(name, out, study) for name in names}


def _opened(name: str, out: Path, study: str) -> Tracker:
    module, attribute = TRACKERS[name]
    try:
        return cast(Tracker, getattr(import_module(module), attribute)(out, study))
    except ImportError:
        raise UserError(f"--tracker {name} needs a library: {install_command(name)} brings it.") from None
    except UserError:
        raise
    except Exception as error:  # of a library that is installed and broken, or set up wrongly
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"--tracker {name} does not start: {reason}.") from error


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings of settings under one name each: ``recipe.iterations``."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = isinstance(value, Mapping) and value
        found |= flat(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return found


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
