"""Tables as LaTeX for the booktabs package, and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchmark.report.formats.table import Cell, Section, Table
from benchmark.report.formats.text import wrapped
from benchmark.words import printable

#: Letters that fit a column of a two-column article, and letters of a name in one line.
COLUMN, NAME = 52, 26
#: Where what still is too wide is made to fit, by the package that every paper with figures has loaded.
FITTED = (
    r"  \ifdim\wd0>\linewidth\ifdefined\resizebox\resizebox{\linewidth}{!}{\usebox0}"
    r"\else\usebox0\fi\else\usebox0\fi"
)

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\`{}",
    "±": r"$\pm$",
    "²": "$^2$",
    "°": r"$^{\circ}$",
    "\N{EN DASH}": r"\textendash{}",
    "[": "{[}",  # no argument of a preceding "\\"
    "*": "{*}",
} | {character: f"\\{character}" for character in "{}$&#%_"}


def escape(text: str) -> str:
    """Text that LaTeX sets as it is; what a bare class has no glyph for becomes its code point."""
    escaped = "".join(SPECIAL.get(character) or _glyph(character) for character in printable(text))
    signed = re.sub(r"(?<![\w-])-(?=\.?\d)", "$-$", escaped)  # a hyphen is shorter than a minus sign
    return re.sub("-(?=-)", "-{}", signed)  # or two hyphens would become one dash


def document_part(tables: Sequence[Table]) -> str:
    """One table environment a data set."""
    return "\n".join(line for table in tables for line in _lines(table)) + "\n"


def lists(sections: Sequence[Section]) -> str:
    """One itemised list a section, in a small font."""
    return "\n".join(line for section in sections if section.facts for line in _list(section)) + "\n"


def _list(section: Section) -> Iterator[str]:
    yield rf"\paragraph{{{escape(section.title)}}}"
    yield r"\begin{itemize}\footnotesize\raggedright"
    yield from (rf"  \item {escape(name)}: {_breakable(escape(fact))}" for name, fact in section.facts)
    yield r"\end{itemize}"


def _breakable(text: str) -> str:
    """Digests are wider than a column, and LaTeX breaks no line within them."""
    return re.sub(
        r"\b[0-9a-f]{32,}\b", lambda digest: re.sub(r".{8}(?!$)", r"\g<0>\\allowbreak ", digest[0]), text
    )


def _glyph(character: str) -> str:
    known = character.isascii() or (character.isalpha() and "À" <= character <= "ÿ")
    return character if known else f"U+{ord(character):04X}"


def _lines(table: Table) -> Iterator[str]:
    environment = "table*" if _letters(table) > COLUMN else "table"  # in one column both are the same
    yield r"% needs \usepackage{booktabs}; with \usepackage{graphicx} it is never too wide"
    yield rf"\begin{{{environment}}}[t]"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}"
    yield rf"  \caption{{{escape(table.caption + table.said_of_marks)}}}"
    yield r"  \sbox0{%"
    yield from _tabular(table)
    yield r"  }%"
    yield FITTED
    if table.notes:
        yield rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {escape(' '.join(table.notes))}}}"
    yield rf"\end{{{environment}}}"


def _tabular(table: Table) -> Iterator[str]:
    yield rf"  \begin{{tabular}}{{@{{}}l*{{{len(table.heads)}}}{{r}}@{{}}}}"
    yield r"    \toprule"
    heads = (_stacked(_two_lines(head, room), "r") for head, room in _heads(table))
    yield rf"    {table.of} & {' & '.join(heads)} \\"
    for part in (table.rows, table.references):
        if part:
            yield r"    \midrule"
        yield from (_row(name, cells) for name, cells in part)
    yield r"    \bottomrule"
    yield r"  \end{tabular}"


def _row(name: str, cells: Sequence[Cell]) -> str:
    return rf"    {_stacked(wrapped(name, NAME), 'l')} & {' & '.join(map(_cell, cells))} \\"


def _cell(cell: Cell) -> str:
    mean = escape(cell.mean)
    if cell.mark:
        mean = rf"\textbf{{{mean}}}"
    small = escape(_small(cell))
    return mean + (rf"{{\scriptsize{small}}}" if small else "")


def _small(cell: Cell) -> str:
    """Spread and seeds, close enough for five columns to fit a bare article."""
    spread = cell.spread.replace(" ± ", "±")
    return re.sub(r"(?<=\d) to (?=\d)", "\N{EN DASH}", spread) + cell.seeds


def _heads(table: Table) -> list[tuple[str, int]]:
    """Each column's head, and the letters of its widest cell."""
    rows = [cells for _, cells in (*table.rows, *table.references)]
    texts = [[cells[at].mean + _small(cells[at]) for cells in rows] for at in range(len(table.heads))]
    return [(head, max(map(len, column), default=0)) for head, column in zip(table.heads, texts, strict=True)]


def _letters(table: Table) -> int:
    """The letters of the widest line, with two between columns."""
    names = [line for name, _ in (*table.rows, *table.references) for line in wrapped(name, NAME)]
    columns = (max(room, *map(len, _two_lines(head, room))) + 2 for head, room in _heads(table))
    return max(map(len, names), default=0) + sum(columns)


def _two_lines(head: str, room: int) -> list[str]:
    """A head that is longer than what stands below it, broken at the space nearest to its middle."""
    spaces = [place for place, letter in enumerate(head) if letter == " "]
    if len(head) <= room or not spaces:
        return [head]
    middle = min(spaces, key=lambda place: abs(2 * place - len(head)))
    return [head[:middle], head[middle + 1 :]]


def _stacked(lines: Sequence[str], side: str) -> str:
    if len(lines) < 2:
        return escape(*lines)
    stack = r"\\".join(map(escape, lines))
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{stack}\end{{tabular}}"
