"""Counts, times and widths as people read them, the same wherever something is said."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

#: Where output goes into a file or a pipe; and the longest line that is easily read, on a wide terminal.
ELSEWHERE, READABLE = 100, 120


def terminal_width() -> int:
    """Columns of the terminal (or of COLUMNS); 100 where there is none, 120 at most."""
    return max(40, min(shutil.get_terminal_size((ELSEWHERE, 24)).columns, READABLE))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 pass``, ``2 passes``: a number with its noun; the plural takes an s if none is given."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def span(seconds: float) -> str:
    """A time on a clock: ``0:07``, ``12:05``, ``1:02:03``."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def amount_of_time(seconds: float) -> str:
    """An estimate with its unit.

    >>> [amount_of_time(seconds) for seconds in (40, 1560, 8640, 4e6)]
    ['40 s', '26 min', '2.4 h', '1,111 h']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:,.{1 if hours < 10 else 0}f} h"


def amount_of_bytes(count: float) -> str:
    """Bytes with their unit: ``3.2 MB``, ``12 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def printable(text: str) -> str:
    """The text without line ends and other control characters, which would break rows or drive a terminal."""
    if text.isprintable():  # pictures of pages are millions of characters
        return text
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def paragraphs(text: str, width: int | None = None) -> str:
    """Lines of prose in the width of the terminal; rows of a table, which have gaps, stay as they are."""
    room = width or terminal_width()
    lines = (line if "  " in line.strip() else _wrapped(line, room) for line in text.splitlines())
    return "\n".join(lines)


def _wrapped(line: str, width: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


#: Before text that stands below the beginning of its row.
BELOW = " " * 6


def aligned(rows: Sequence[tuple[str, ...]], width: int | None = None) -> str:
    """Columns side by side; the last one is wrapped within the width, and goes on below its beginning."""
    return "\n".join(line for row in aligned_rows(rows, width) for line in row)


def aligned_rows(rows: Sequence[tuple[str, ...]], width: int | None = None) -> list[list[str]]:
    """The same as the lines of each row; a cell of over half the width stands alone, and widens no column."""
    most = (width or terminal_width()) // 2
    columns = list(zip(*rows, strict=True))[:-1]
    widths = [max((len(cell) for cell in column if len(cell) <= most), default=0) for column in columns]
    begins = ["".join(f"{cell:<{space}}  " for cell, space in zip(row, widths, strict=False)) for row in rows]
    return [
        _hanging(begin, row[-1], width or terminal_width()) for begin, row in zip(begins, rows, strict=True)
    ]


def _hanging(begin: str, text: str, width: int) -> list[str]:
    longest = max(map(len, text.split()), default=0)
    # Too little is left beside it, or a word would be broken that fits below.
    if len(begin) > width // 2 or width - len(begin) < longest <= width - len(BELOW):
        return [begin.rstrip(), *_indented(text, width, BELOW, BELOW)]
    return _indented(text, width, begin, " " * len(begin)) or [begin.rstrip()]


def _indented(text: str, width: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
