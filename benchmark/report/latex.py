"""Tables as LaTeX for the booktabs package, and lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchmark.report.cells import Cell, Section, Table
from benchmark.report.text import printable

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\`{}",
    "±": r"$\pm$",
    "\N{EN DASH}": r"\textendash{}",
    "[": "{[}",  # no argument of a preceding "\\"
    "*": "{*}",
} | {character: f"\\{character}" for character in "{}$&#%_"}


def escape(text: str) -> str:
    """Text that LaTeX sets as it is; what a bare class has no glyph for becomes its code point."""
    escaped = "".join(SPECIAL.get(character) or _glyph(character) for character in printable(text))
    return re.sub("-(?=-)", "-{}", escaped)  # or two hyphens would become one dash


def document_part(tables: Sequence[Table]) -> str:
    """One table environment a data set."""
    return "\n".join(line for table in tables for line in _lines(table)) + "\n"


def lists(sections: Sequence[Section]) -> str:
    """One itemised list a section, in a small font."""
    return "\n".join(line for section in sections if section.facts for line in _list(section)) + "\n"


def _list(section: Section) -> Iterator[str]:
    yield rf"\paragraph{{{escape(section.title)}}}"
    yield r"\begin{itemize}\footnotesize\raggedright"
    yield from (rf"  \item {escape(name)}: {escape(fact)}" for name, fact in section.facts)
    yield r"\end{itemize}"


def _glyph(character: str) -> str:
    known = character.isascii() or (character.isalpha() and "À" <= character <= "ÿ")
    return character if known else f"U+{ord(character):04X}"


def _lines(table: Table) -> Iterator[str]:
    yield r"% needs \usepackage{booktabs}"
    yield r"\begin{table}[t]"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}"
    marked = f" {table.marked} in bold, second underlined." if table.marked else ""
    yield rf"  \caption{{{escape(table.caption)}{marked}}}"
    yield rf"  \begin{{tabular}}{{@{{}}l*{{{len(table.heads)}}}{{r}}@{{}}}}"
    yield r"    \toprule"
    yield rf"    strategy & {' & '.join(map(escape, table.heads))} \\"
    for part in (table.rows, table.references):
        if part:
            yield r"    \midrule"
        yield from (_row(name, cells) for name, cells in part)
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    if table.notes:
        yield rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {escape(' '.join(table.notes))}}}"
    yield r"\end{table}"


def _row(name: str, cells: Sequence[Cell]) -> str:
    return rf"    {escape(name)} & {' & '.join(map(_cell, cells))} \\"


def _cell(cell: Cell) -> str:
    command = {"best": r"\textbf{%s}", "second": r"\underline{%s}", None: "%s"}[cell.mark]
    mean = command % escape(cell.mean) if cell.mean else ""
    small = escape(cell.spread.replace(" ", "") + cell.seeds)  # so that five columns fit a bare article
    return mean + (rf"{{\scriptsize{small}}}" if small else "")
