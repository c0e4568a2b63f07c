"""From a preset, a file and options to one experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.experiment.catalogue import names_python, preset_file
from benchmark.experiment.config import Experiment, validated
from benchmark.experiment.paths import read_experiment
from benchmark.plugins import plain_name
from benchmark.untrusted_files import read_fields

if TYPE_CHECKING:
    pass


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
    fields = _with_network(_merged(_merged(base, own), {"dataset": dataset}), flags)
    if not fields.get("name"):
        plain = plain_name(dataset) if names_python(dataset) else Path(dataset).stem
        words = re.sub(r"[^\w.=\- ]", "-", plain)
        fields["name"] = "-".join(filter(None, (words, preset)))
    return validated(fields, str(file or f"preset {preset} with your options"))


def _with_network(fields: dict[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Flags over fields; another network does not inherit the preset's options of its own one."""
    asked, named = flags.get("network"), fields.get("network")
    if not isinstance(asked, Mapping) or not isinstance(named, Mapping):
        return _merged(fields, flags)
    if asked.get("name", named.get("name")) != named.get("name"):
        named = {
            option: named[option]
            for option in ("backbone", "backbone_options", "pretrained")
            if option in named
        }
    return _merged(fields | {"network": named}, flags)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, mappings merged field by field."""
    merged = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged
