"""Paths that a YAML file of an experiment names: relative to the file, wherever a command is given."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.untrusted_files import read_fields

Change = Callable[[str], str]
#: A file of a strategy that a parameter names, alone or among others that are joined by +.
WITHIN = re.compile(r"([=+]\s*)([^][,+]*\.py):")


def read_experiment(file: Path) -> dict[str, Any]:
    """The fields of the file, their relative paths as they are from the working folder. Raises UserError."""
    return _changed(read_fields(file), lambda path: os.path.relpath(file.parent / path))


def seen_from(folder: Path, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields to be written into a file of this folder: paths relative to the working folder become its."""
    return _changed(fields, lambda path: os.path.relpath(path, folder))


def _changed(fields: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The same with every relative path changed: of data, their root, the plan, weights, plug-ins."""
    changed = dict(fields)
    if _is_file(fields.get("dataset"), (".yaml", ".yml")):
        changed["dataset"] = _moved(fields["dataset"], change)
    elif "dataset" in fields:
        changed["dataset"] = _plugin(fields["dataset"], change)
    for name in ("data_root", "plan"):
        if isinstance(fields.get(name), str):
            changed[name] = _moved(fields[name], change)
    if isinstance(network := fields.get("network"), Mapping):
        changed["network"] = _network(network, change)
    if isinstance(fields.get("strategies"), list | tuple):
        changed["strategies"] = [_plugin(name, change) for name in fields["strategies"]]
    return changed


def _network(network: Mapping[str, Any], change: Change) -> dict[str, Any]:
    changed = {**network, **{n: _plugin(network[n], change) for n in ("name", "backbone") if n in network}}
    if isinstance(network.get("pretrained"), str):
        changed["pretrained"] = _moved(network["pretrained"], change)
    return changed


def _plugin(name: Any, change: Change) -> Any:
    """``FILE.py:NAME`` with its file changed, and those of strategies that its parameters name; other paths
    within brackets belong to the name."""
    if not isinstance(name, str):
        return name
    head, bracket, values = name.partition("[")
    file, colon, rest = head.partition(".py:")
    moved = f"{_moved(f'{file}.py', change)}:{rest}" if colon else head
    return moved + bracket + WITHIN.sub(lambda found: f"{found[1]}{_moved(found[2], change)}:", values)


def without_files(name: str) -> str:
    """``NAME[base=NAME]`` of ``FILE.py:NAME[base=FILE.py:NAME]``: what does not change where files move."""
    head, bracket, values = name.partition("[")
    return head.rpartition(".py:")[2] + bracket + WITHIN.sub(r"\1", values)


def _is_file(value: Any, endings: tuple[str, ...]) -> bool:
    return isinstance(value, str) and Path(value).suffix.lower() in endings


def _moved(path: str, change: Change) -> str:
    """A path changed, if it is relative; ``~`` is a place of its own."""
    return path if path.startswith("~") or Path(path).is_absolute() else change(path)
