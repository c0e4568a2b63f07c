"""A table before it is written in any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal["best", "second"]
#: A number that does not exist.
MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """A mean over seeds as written: ``spread`` is " ± half-width" or empty, ``seeds`` " [n = 2]" or empty."""

    mean: str
    spread: str = ""
    seeds: str = ""
    mark: Mark | None = None


@dataclass(frozen=True)
class Table:
    """One data set's table, as plain text that each format escapes for itself.

    ``rows`` pairs a strategy with one cell per budget, the best strategy first; ``references`` are rows that
    are never ranked: of strategies that saw labels, and of the network trained on everything.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    references: Sequence[tuple[str, Sequence[Cell]]]
    caption: str
    notes: Sequence[str]
    #: What the best mark means; empty where nothing is marked.
    marked: str = "Best mean per budget"
    #: What the names of the rows are.
    of: str = "strategy"


@dataclass(frozen=True)
class Section:
    """Facts under a title, each a name and what it is, as plain text that each format escapes for itself."""

    title: str
    facts: Sequence[tuple[str, str]]


def best_and_second(values: Sequence[float]) -> list[Mark | None]:
    """The marks of values of which lower is better; equal ones share a mark, one alone has none."""
    lowest = sorted(values)
    marks: dict[float, Mark] = {}
    if len(lowest) > 1:
        marks[lowest[1]] = "second"
        marks[lowest[0]] = "best"
    return [marks.get(value) for value in values]
