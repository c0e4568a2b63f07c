"""Pre-trained weights that are checked: every tensor of the backbone must come from the file.

timm loads a backbone without its classifier loosely: what does not match keeps its random weights, and only
a log line says so. Here what it loads is watched, counted and refused unless all of it fits.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest import mock

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.weights.packaged import (
    PACKAGES,
    file_digest,
    packaged_weights,
    read_packaged,
    renamed,
)

Weights = Mapping[str, Tensor]
#: Where training scripts put the weights inside of a checkpoint, and what wrappers put before every name.
WRAPPERS = ("state_dict", "model", "model_state_dict", "teacher")
PREFIXES = ("module.", "_orig_mod.", "backbone.", "model.")
SHOWN = 3


def create_loaded(name: str, options: Mapping[str, Any], file: Path | None) -> tuple[nn.Module, str]:
    """A model of timm with weights from a file, or without one an installed package's or timm's own, and
    what was loaded.

    Raises UserError unless every tensor of the model was loaded and is finite, and for a file with tensors
    that the model has not even with its classifier.
    """
    import timm

    package = None if file else packaged_weights(name)
    overlay = {"state_dict": _given(name, file, package)} if file or package else None
    try:
        with _watched() as handed:
            model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except Exception as error:  # downloads and timm's converters fail in any way they like
        raise UserError(_not_loaded(name, file, error)) from error
    origin = _origin(model, name, file, package)
    match = _matched(model, handed, _whole(name))
    if not match.complete:
        raise UserError(f"network.pretrained: {origin} does not fit {name}: {match.complaint}.")
    if broken := _not_finite(model):
        raise UserError(f"network.pretrained: {origin} holds NaN or infinite numbers in {broken}.")
    _forget(model)
    return model, f"{name}: {match.summary} loaded from {origin}{match.left_out}"


def _given(name: str, file: Path | None, package: Path | None) -> dict[str, Tensor]:
    return renamed(read_packaged(package), _whole(name)) if package else read_weights(cast(Path, file))


def load_weights(model: nn.Module, name: str, file: Path) -> str:
    """Load a file into a model that timm does not know; returns what was loaded.

    Raises UserError unless every tensor of the model was loaded and is finite, and for a file with others.
    """
    own = model.state_dict(keep_vars=True)
    handed = Handed(own, read_weights(file, own.keys()))
    match = _matched(model, [handed], list(handed.own))
    origin = _of_file(file)
    if not match.complete:
        raise UserError(f"network.pretrained: {origin} does not fit {name}: {match.complaint}.")
    model.load_state_dict(dict(handed.given), strict=False)  # batch counters may lack
    if broken := _not_finite(model):
        raise UserError(f"network.pretrained: {origin} holds NaN or infinite numbers in {broken}.")
    return f"{name}: {match.summary} loaded from {origin}"


def read_weights(file: Path, own: Iterable[str] = ()) -> dict[str, Tensor]:
    """The tensors of a .safetensors file or of one that torch saved, without wrappers and prefixes.

    A prefix stays where the model's ``own`` names have it. Nothing is unpickled. Raises UserError for a file
    that is not there, broken, or no weights.
    """
    if not file.is_file():
        raise UserError(f"network.pretrained: there is no file {file}.")
    try:
        content = _read(file)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"network.pretrained: {file} holds Python objects other than weights, and those are never "
            "unpickled; save the model's state_dict() alone, or as .safetensors."
        ) from error
    except Exception as error:  # zip, pickle and safetensors readers have no error in common
        raise UserError(
            f"network.pretrained: {file} cannot be read as weights ({first_line(error)})."
        ) from error
    weights = _unprefixed(_unwrapped(content), frozenset(own))
    if not weights or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise UserError(f"network.pretrained: {file} must hold named tensors, as state_dict() gives them.")
    return weights


def first_line(error: Exception | None) -> str:
    """The first line of an error's message, or its type."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _read(file: Path) -> Any:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


def _unwrapped(content: Any) -> dict[str, Any]:
    for _ in WRAPPERS:  # more than one in another is rare, and one in itself has no end
        wrapped = (content.get(key) for key in WRAPPERS) if isinstance(content, Mapping) else ()
        content = next((inner for inner in wrapped if isinstance(inner, Mapping)), content)
    return {str(name): value for name, value in content.items()} if isinstance(content, Mapping) else {}


def _unprefixed(weights: dict[str, Any], own: Set[str]) -> dict[str, Any]:
    """Stripped of prefixes as long as no fewer names are the model's own: its parts may be called so."""
    best = weights
    while weights and (prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in weights)), "")):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
        best = max(weights, best, key=lambda each: len(own & each.keys()))
    return best


@dataclass(frozen=True)
class Handed:
    """What timm hands to a module: the module's own tensors, and those of the file by its names."""

    own: Weights
    given: Weights

    def fits(self, name: str) -> bool:
        """Whether the file has this tensor in its right shape."""
        return name in self.given and self.given[name].shape == self.own[name].shape

    def describe(self, name: str) -> str:
        """How a tensor does not fit."""
        if name not in self.given:
            return f"{name} is missing"
        return f"{name} is {_shape(self.given[name])} there and {_shape(self.own[name])} in the backbone"


@contextmanager
def _watched() -> Iterator[list[Handed]]:
    """Load what fits and note what is handed over: timm itself tells it to nobody but its log."""
    load, handed = nn.Module.load_state_dict, list[Handed]()

    def watching(module: nn.Module, state: Weights, *_: object, **__: object) -> object:
        handed.append(seen := Handed(module.state_dict(keep_vars=True), state))
        return load(module, {n: t for n, t in state.items() if n in seen.own and seen.fits(n)}, strict=False)

    with mock.patch.object(nn.Module, "load_state_dict", watching):
        yield handed


@dataclass(frozen=True)
class Match:
    """Names of the backbone's tensors, how some do not fit, foreign ones, and those of the classifier."""

    needed: list[str]
    unfit: list[str]
    foreign: list[str]
    rest: list[str]

    @property
    def complete(self) -> bool:
        """Whether all that is needed was loaded, and nothing is foreign."""
        return bool(self.needed) and not self.unfit and not self.foreign

    @property
    def summary(self) -> str:
        """How many tensors matched of how many."""
        return f"{len(self.needed) - len(self.unfit)} of {len(self.needed)} backbone tensors"

    @property
    def complaint(self) -> str:
        """What does not match, the first few by name."""
        foreign = [f"it has no {name}" for name in self.foreign]
        return f"{self.summary} match; {_few([*self.unfit, *foreign])}"

    @property
    def left_out(self) -> str:
        """The parts of the whole model that give no feature map, with their numbers of tensors."""
        parts = [name.partition(".")[0] for name in self.rest]
        named = ", ".join(f"{part} ({parts.count(part)})" for part in dict.fromkeys(parts))
        return f"; not part of the backbone: {named}" if named else ""


def _matched(model: nn.Module, handed: list[Handed], whole: list[str]) -> Match:
    """Compare by identity, because wrapping a model to give features renames its tensors."""
    state = model.state_dict(keep_vars=True)
    kept = {id(tensor) for tensor in state.values()}
    seen = handed[-1] if handed else Handed(state, {})
    needed = _counted(name for name, tensor in seen.own.items() if id(tensor) in kept)
    return Match(
        needed=needed,
        unfit=[seen.describe(name) for name in needed if not seen.fits(name)],
        foreign=[name for name in seen.given if name not in seen.own and name not in whole],
        rest=[name for name in _counted(whole) if name not in needed],
    )


def _counted(names: Iterable[str]) -> list[str]:
    """All but batch counters, which old checkpoints lack and no layer here reads."""
    return [name for name in names if not name.endswith("num_batches_tracked")]


def _whole(name: str) -> list[str]:
    """Names of the tensors of the model with its classifier."""
    import timm

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return list(timm.create_model(name).state_dict())


def _origin(model: Any, name: str, file: Path | None, package: Path | None) -> str:
    if package:
        return f"the package {PACKAGES[name].name} (sha256 {file_digest(package)[:12]})"
    if file:
        return _of_file(file)
    config = model.pretrained_cfg
    return f"timm's {config.get('hf_hub_id') or config.get('url') or config.get('architecture')}"


def _of_file(file: Path) -> str:
    return f"{file} (sha256 {file_digest(file)[:12]})"


def _not_loaded(name: str, file: Path | None, error: Exception) -> str:
    if not file:
        return (
            f"network.pretrained: timm could not get the weights of {name} ({first_line(error)}); give the "
            "machine access to them, or set pretrained to a file of weights or to false."
        )
    return f"network.pretrained: {file} does not fit {name}: timm cannot convert it ({first_line(error)})."


def _not_finite(model: nn.Module) -> str | None:
    return next((name for name, tensor in model.state_dict().items() if not tensor.isfinite().all()), None)


def _forget(model: nn.Module) -> None:
    """Drop timm's references to the weights that were handed over: they would be kept and copied along."""
    for module in model.modules():
        for name in {"pretrained_cfg", "default_cfg"} & vars(module).keys():
            setattr(module, name, {})


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _few(complaints: Iterable[str]) -> str:
    every = list(complaints)
    shown = ", ".join(every[:SHOWN])
    return f"{shown} and {len(every) - SHOWN} more" if len(every) > SHOWN else shown
