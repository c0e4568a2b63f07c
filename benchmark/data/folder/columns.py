"""Numbers of images, such as what their labels cost: a table beside a data set, a row an image."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from benchmark.untrusted_files import MOST_TABLE, read_text

ID = "id"


def columns_of(file: Path, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """By column of a comma-separated table with a column ``id``, the number of each of these images.

    Other rows say nothing. Raises ValueError for a table that is none, and for an image without a number.
    """
    try:
        table = csv.DictReader(io.StringIO(read_text(file, MOST_TABLE)), strict=True)
        rows = {str(row.get(ID)): row for row in table}
    except (OSError, csv.Error) as error:
        raise ValueError(f"{file} cannot be read ({error})") from None
    names = [name for name in table.fieldnames or () if name != ID]
    if not names or ID not in (table.fieldnames or ()):
        raise ValueError(f"{file} should have a column {ID} and one of numbers, or more")
    return {name: {image: _number(file, rows, image, name) for image in ids} for name in names}


def _number(file: Path, rows: dict[str, dict[str, str]], image: str, name: str) -> float:
    if image not in rows:
        raise ValueError(f"{file} has no row of {image!r}")
    try:
        return float(rows[image][name])
    except (ValueError, TypeError):
        raise ValueError(f"{file} has no number of {image!r} in {name!r}") from None
