"""Tables and lists as Markdown and tables as plain text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from benchmark.report.formats.table import Cell, Section, Table
from benchmark.words import printable, terminal_width

GAP = "  "
#: Entities where backslashes are not understood by every Markdown reader.
MARKDOWN = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"} | {c: f"\\{c}" for c in "\\`*_[]~$"}


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(MARKDOWN.get(character, character) for character in printable(text))


def markdown(tables: Sequence[Table]) -> str:
    """One table a data set: caption, rows, notes."""
    return "\n".join(line for table in tables for line in _markdown_lines(table))


def markdown_lists(sections: Sequence[Section]) -> str:
    """One list a section."""
    parts = (
        [f"**{escape_markdown(section.title)}**", "", *_items(section.facts), ""] for section in sections
    )
    return "\n".join(line for part in parts for line in part)


def terminal(tables: Sequence[Table], width: int) -> str:
    """The same in aligned columns, in several blocks of budgets where they do not fit beside each other."""
    return "\n\n".join("\n".join(_terminal_lines(table, width)).rstrip() for table in tables)


def _items(facts: Sequence[tuple[str, str]]) -> list[str]:
    return [f"- {escape_markdown(name)}: {escape_markdown(fact)}" for name, fact in facts]


def _all_rows(table: Table) -> list[tuple[str, Sequence[Cell]]]:
    return [*table.rows, *table.references]


def _markdown_lines(table: Table) -> Iterator[str]:
    yield escape_markdown(table.caption + table.said_of_marks)
    yield ""
    yield f"| {table.of} | {' | '.join(map(escape_markdown, table.heads))} |"
    yield f"|:---|{'---:|' * len(table.heads)}"
    for name, cells in _all_rows(table):
        yield f"| {escape_markdown(name)} | {' | '.join(map(_markdown_cell, cells))} |"
    yield ""
    for note in table.notes:
        yield f"- {escape_markdown(note)}"
    yield ""


def _markdown_cell(cell: Cell) -> str:
    mean = f"**{cell.mean}**" if cell.mark == "best" else cell.mean
    return mean + cell.spread + escape_markdown(cell.seeds)


def _terminal_lines(table: Table, width: int) -> Iterator[str]:
    yield from _paragraph(table.caption, width)
    labels = [wrapped(name, width // 3) for name, _ in _all_rows(table)]
    name_width = max(len(line) for label in [[table.of], *labels] for line in label)
    for start, end in _blocks(table, width - name_width):
        yield ""
        yield from _block(table, labels, name_width, slice(start, end))
    yield ""
    for note in table.notes:
        yield from _paragraph(note, width)


def paragraph(text: str) -> str:
    """Running text in lines as wide as the terminal."""
    return "\n".join(_paragraph(text, terminal_width()))


def _paragraph(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), width, break_on_hyphens=False)


def _column(table: Table, position: int) -> list[str]:
    cells = [row[position] for _, row in _all_rows(table)]
    return [table.heads[position], *(cell.mean + cell.spread + cell.seeds for cell in cells)]


def _blocks(table: Table, width: int) -> Iterator[tuple[int, int]]:
    """Ranges of columns that fit into ``width``, at least one column each."""
    start, used = 0, 0
    for position in range(len(table.heads)):
        needed = len(GAP) + max(map(len, _column(table, position)))
        if used + needed > width and position > start:
            yield start, position
            start, used = position, 0
        used += needed
    yield start, len(table.heads)


def _block(table: Table, labels: list[list[str]], name_width: int, part: slice) -> Iterator[str]:
    columns = [_column(table, position) for position in range(len(table.heads))[part]]
    widths = [max(map(len, column)) for column in columns]
    rule = "-" * (name_width + sum(len(GAP) + width for width in widths))
    for number, (label, *row) in enumerate(zip([[table.of], *labels], *columns, strict=True)):
        if not any(row):
            continue  # full-data, in a block without its column
        if number in (1, 1 + len(table.rows)):
            yield rule
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield GAP.join([label[0].ljust(name_width), *cells]).rstrip()
        yield from label[1:]


def wrapped(name: str, width: int) -> list[str]:
    """A name in lines of at most ``width``, broken before its parameters or after a comma if it can be."""
    lines = [""]
    for piece in re.split(r"(?=\[)|(?<=,)", printable(name)):
        if len(lines[-1]) + len(piece) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return [line[start : start + width] for line in lines for start in range(0, len(line), width)]
