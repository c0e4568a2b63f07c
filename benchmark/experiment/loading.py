"""From a preset, a file and options to one experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.experiment.catalogue import names_python, preset_file
from benchmark.experiment.config import Experiment, validated
from benchmark.experiment.paths import read_experiment
from benchmark.plugins import BACKBONES, RegistryError, plain_name
from benchmark.untrusted_files import read_fields

#: What the network's own options are not among: another network stands on the same backbone.
OF_BACKBONE = (
    "backbone",
    "backbone_options",
    "pretrained",
    "frozen",
    "maps",
    "map_dropout",
    "mean",
    "spread",
)
#: What a backbone without weights cannot inherit.
OF_WEIGHTS = ("backbone_options", "pretrained", "frozen", "maps", "mean", "spread")
LENGTHS = ("iterations", "epochs")


def load_experiment(file: Path | None, preset: str | None, flags: Mapping[str, Any]) -> Experiment:
    """The experiment of a YAML file or a preset, with command-line flags over it.

    A YAML file may name a ``preset`` to start from; its paths are relative to it, those of flags to the
    working folder. Raises UserError with all mistakes at once.
    """
    own = read_experiment(file) if file else {}
    of_file = own.pop("preset", None)
    preset = preset or of_file or (None if file else "quick")
    dataset = str(flags.get("dataset") or own.get("dataset") or "rooms")
    base = read_fields(preset_file(dataset, preset)) if preset else {}
    fields = _with_network(_with_network(base, own) | {"dataset": dataset}, flags)
    if not fields.get("name"):
        plain = plain_name(dataset) if names_python(dataset) else Path(dataset).stem
        words = re.sub(r"[^\w.=\- ]", "-", plain)
        fields["name"] = "-".join(filter(None, (words, preset)))
    return validated(fields, str(file or f"preset {preset} with your options"))


def _with_network(fields: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``fields``; another network does not inherit the options of the one before, nor a
    backbone that has no weights by name that it starts from such."""
    asked, named = over.get("network"), fields.get("network")
    if not isinstance(asked, Mapping) or not isinstance(named, Mapping):
        return _with_length(fields, over)
    if asked.get("name", named.get("name")) != named.get("name"):
        named = {option: named[option] for option in OF_BACKBONE if option in named}
    if asked.get("backbone", named.get("backbone")) != named.get("backbone") and _bare(asked["backbone"]):
        named = {option: value for option, value in named.items() if option not in OF_WEIGHTS}
    return _with_length({**fields, "network": named}, over)


def _bare(backbone: Any) -> bool:
    """Whether it is none of timm's: such start from a file of weights, or from nothing."""
    try:
        return BACKBONES.find(str(backbone)) is not None
    except RegistryError:  # a file that fails: validation says so, with all other mistakes
        return False


def _with_length(fields: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``fields``; iterations take the place of epochs, and epochs of iterations."""
    merged, asked = _merged(fields, over), over.get("recipe")
    if not isinstance(asked, Mapping) or not isinstance(merged["recipe"], Mapping):
        return merged
    for one, other in (LENGTHS, LENGTHS[::-1]):
        if asked.get(one) is not None and asked.get(other) is None:
            merged["recipe"] = {**merged["recipe"], other: None}
    return merged


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, mappings merged field by field."""
    merged = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged
