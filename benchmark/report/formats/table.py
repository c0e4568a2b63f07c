"""A table before it is written in any format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Mark = Literal["best"]
#: A number that does not exist.
MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """A mean over seeds as written: ``spread`` is " ± half-width" or empty, ``seeds`` " [n = 2]" or empty."""

    mean: str
    spread: str = ""
    seeds: str = ""
    mark: Mark | None = None


def fewer_seeds(there: int, seeds: int) -> str:
    """What a cell over fewer seeds than others says of it; empty over all."""
    return "" if there == seeds else f" [n = {there}]"


#: What a mark says if a table says nothing else.
MARKED = "The lowest mean of a column, and what a paired test (Holm) does not tell from it,"


@dataclass(frozen=True)
class Table:
    """One data set's table, as plain text that each format escapes for itself.

    ``rows`` pairs a strategy with one cell per budget, the best strategy first; ``references`` are rows that
    are never ranked: of references, and of the network trained on everything.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    references: Sequence[tuple[str, Sequence[Cell]]]
    caption: str
    notes: Sequence[str]
    #: What a mark means, the subject of a sentence.
    marked: str = MARKED
    #: What the names of the rows are.
    of: str = "strategy"

    @property
    def said_of_marks(self) -> str:
        """What bold cells are, as a sentence after the caption; empty where there is none."""
        cells = [cell for _, row in self.rows for cell in row]
        return f" {self.marked} in bold." if any(cell.mark for cell in cells) else ""

    def named(self, label: Callable[[str], str]) -> Table:
        """The same with other names of its rows."""
        rows, references = ([(label(n), cells) for n, cells in part] for part in (self.rows, self.references))
        return replace(self, rows=rows, references=references)


@dataclass(frozen=True)
class Section:
    """Facts under a title, each a name and what it is, as plain text that each format escapes for itself."""

    title: str
    facts: Sequence[tuple[str, str]]
