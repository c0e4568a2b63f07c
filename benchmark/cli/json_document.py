"""``--json``: what a command says as one JSON document, for programs. docs/commands.md lists the keys."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import click

JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, whose keys docs/commands.md lists."
)


def echo_json(value: Any) -> None:
    """Print a value as the one document of a command, in ASCII: any terminal and any pipe takes it."""
    click.echo(json.dumps(plain(value), indent=1, allow_nan=False))


def plain(value: Any) -> Any:
    """A value in what JSON has: a dataclass is an object, a set a sorted list, and what it lacks is text.

    NaN and infinities are null: JSON has no such numbers, and readers differ in what they make of them.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):  # numpy's numbers too
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return str(value)
