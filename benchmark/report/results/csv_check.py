"""``results.csv`` against the stored rounds that it is derived from."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.untrusted_files import MOST_TABLE, read_bytes

#: What makes a row unique.
KEY = ("dataset", "strategy", "seed", "labelled", "task", "metric")
Rows = Sequence[Mapping[str, Any]]


def difference(truth: Rows, written: bytes, path: Path, read: Callable[[], Rows]) -> str | None:
    """In words, what a table says that the rounds do not; None if it says what they do.

    ``truth`` are the rows of the rounds, and ``written`` the file that they would make.
    """
    try:
        if read_bytes(path, MOST_TABLE) == written:
            return None
        found = list(_differences(_by_key(truth), _by_key(read())))
    except (OSError, ValueError, csv.Error, UserError) as error:
        found = [f"it cannot be read ({error})"]
    if not found:
        return None
    return (
        f"{path} is not what the stored rounds say: {'; '.join(found)}. What is reported are the rounds; "
        "`mtal run` writes the table again."
    )


def _differences(truth: Mapping[tuple[Any, ...], Any], given: Mapping[tuple[Any, ...], Any]) -> Iterator[str]:
    shared = [key for key in truth if key in given]
    # A missing value is NaN, which equals nothing: written out it does.
    changed = [key for key in shared if repr(truth[key]) != repr(given[key])]
    if changed:
        there, own = _value(given[changed[0]]), _value(truth[changed[0]])
        first = f"the first for {_named(changed[0])}: {there} there, {own} in its round"
        yield f"{_rows(len(changed))} with another value, {first}"
    for what, keys in (
        ("missing", [key for key in truth if key not in given]),
        ("of no stored round", [key for key in given if key not in truth]),
    ):
        if keys:
            yield f"{_rows(len(keys))} {what}, the first for {_named(keys[0])}"


def _by_key(rows: Rows) -> dict[tuple[Any, ...], Any]:
    return {tuple(row[column] for column in KEY): row["value"] for row in rows}


def _named(key: tuple[Any, ...]) -> str:
    dataset, strategy, seed, labelled, task, metric = key
    return f"{strategy}, seed {seed} on {dataset} with {labelled} labels, {metric} of {task}"


def _value(value: float) -> str:
    return "none" if math.isnan(value) else repr(value)


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"
