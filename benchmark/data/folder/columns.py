"""Numbers of images, such as what their labels cost: a table beside a data set, a row an image."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from benchmark.untrusted_files import MOST_TABLE, read_text

ID = "id"
Rows = dict[str, list[list[str]]]  # the rows of an id: one, if all is right


def columns_of(file: Path, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """By column of a comma-separated table with a column ``id``, the number of each of these images.

    Other rows say nothing. Raises ValueError for a table that is none, for an image without a number, and for
    one with more than one: two rows, or a row with more cells than there are columns.
    """
    head, *rows = _lines(file) or [[]]
    names = [name for name in head if name != ID]
    if not names or ID not in head:
        raise ValueError(f"{file} should have a column {ID} and one of numbers, or more")
    if len(set(head)) < len(head):
        twice = next(name for name in head if head.count(name) > 1)
        raise ValueError(f"{file} has two columns {twice!r}; give each a name of its own")
    by_id = _by_id(rows, head.index(ID))
    chosen = {image: _row(file, by_id, image, head) for image in ids}
    return {name: {image: _number(file, row, image, name) for image, row in chosen.items()} for name in names}


def _lines(file: Path) -> list[list[str]]:
    """Cells line by line; empty lines are left out."""
    try:
        return [line for line in csv.reader(io.StringIO(read_text(file, MOST_TABLE)), strict=True) if line]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise ValueError(f"{file} cannot be read ({error})") from None


def _by_id(rows: Sequence[list[str]], place: int) -> Rows:
    found: Rows = {}
    for row in rows:
        found.setdefault(row[place] if place < len(row) else "", []).append(row)
    return found


def _row(file: Path, rows: Rows, image: str, head: Sequence[str]) -> dict[str, str]:
    found = rows.get(image, [])
    if len(found) != 1:
        said = f"{len(found)} rows of {image!r}; keep one of them" if found else f"no row of {image!r}"
        raise ValueError(f"{file} has {said}")
    if len(found[0]) > len(head):
        raise ValueError(
            f"{file} has {len(found[0])} cells in the row of {image!r}, and {len(head)} columns; write"
            " decimals with a point, and text with commas in quotation marks"
        )
    return dict(zip(head, found[0], strict=False))  # what is missing is said by its column


def _number(file: Path, row: dict[str, str], image: str, name: str) -> float:
    try:
        return float(row[name])
    except (ValueError, KeyError):
        raise ValueError(f"{file} has no number of {image!r} in {name!r}") from None
