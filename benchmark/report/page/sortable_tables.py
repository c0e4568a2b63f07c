"""Tables of the page: what they sort by, and matrices of strategies by strategies with shades."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.statistics.penalty_matrix import MEAN
from benchmark.report.tables.matrix_tables import Matrix

#: How many shades there are between 0 and 1 in the style sheet.
SHADES = 10
NUMBER = re.compile(r"([<>]?) ?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class Sortable:
    """A cell as text and what it sorts by; an empty ``key`` sorts last, whichever way."""

    cell: Cell
    key: str


@dataclass(frozen=True)
class Line:
    """One strategy's row."""

    name: str
    cells: Sequence[Sortable]


@dataclass(frozen=True)
class SortableTable:
    """A table whose ranked rows can be sorted; its references stay below them."""

    table: Table
    rows: Sequence[Line]
    references: Sequence[Line]


@dataclass(frozen=True)
class Shade:
    """A number of a matrix; ``shade`` runs from 0 to SHADES, None for a number that does not exist."""

    text: str
    shade: int | None


@dataclass(frozen=True)
class ShadedTable:
    """Names of the columns, rows by name, and the row of means, if there is one."""

    caption: str
    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Shade]]]
    means: Sequence[Shade]


def sortable(table: Table) -> SortableTable:
    """A table with what each cell sorts by."""
    return SortableTable(table, _lines(table.rows), _lines(table.references))


def sort_key(text: str) -> str:
    """The number that a cell's text begins with; ``> 40 %`` comes after ``40 %``, ``< 0.001`` before it."""
    found = NUMBER.match(text)
    if not found:
        return ""
    beyond = {"<": -1e-9, ">": 1e-9, "": 0.0}[found[1]]
    return repr(float(found[2]) + beyond)


def shaded(matrix: Matrix) -> ShadedTable:
    """A matrix of numbers from 0 to 1."""
    rows = {
        str(name): [_shade(value) for value in matrix.values.loc[name].tolist()]
        for name in matrix.values.index
    }
    means = rows.pop(MEAN, [])
    return ShadedTable(matrix.caption, matrix.names, list(rows.items()), means)


def _shade(value: float) -> Shade:
    if math.isnan(value):
        return Shade(MISSING, None)
    return Shade(f"{value:.2f}", round(SHADES * min(max(value, 0), 1)))


def _lines(rows: Sequence[tuple[str, Sequence[Cell]]]) -> list[Line]:
    return [Line(name, [Sortable(cell, sort_key(cell.mean)) for cell in cells]) for name, cells in rows]
