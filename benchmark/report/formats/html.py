"""Tables as HTML, for a notebook and for pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmark.report.formats.table import Cell, Table
from benchmark.words import printable


def as_html(table: Table) -> str:
    """A table with its caption and notes, every name in it escaped."""
    heads = "".join(f"<th>{_escaped(head)}</th>" for head in (table.of, *table.heads))
    rows = "".join(_row(name, cells) for name, cells in (*table.rows, *table.references))
    notes = "".join(f"<li>{_escaped(note)}</li>" for note in table.notes)
    caption = _escaped(table.caption + table.said_of_marks)
    return f"<p>{caption}</p><table><tr>{heads}</tr>{rows}</table><ul>{notes}</ul>"


def _row(name: str, cells: Sequence[Cell]) -> str:
    return f"<tr><th>{_escaped(name)}</th>{''.join(map(_cell, cells))}</tr>"


def _cell(cell: Cell) -> str:
    mean = _escaped(cell.mean)
    best = f"<b>{mean}</b>" if cell.mark == "best" else mean
    return f"<td>{best}{_escaped(cell.spread + cell.seeds)}</td>"


def _escaped(text: str) -> str:
    return escape(printable(text))
