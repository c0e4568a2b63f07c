"""What every figure goes through: its size and style, its layout, its files."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmark.report.drawing.axis_range import Window
from benchmark.report.drawing.legend import LINE
from benchmark.report.drawing.paper_style import WIDTH, Columns, Paper, paper_style
from benchmark.report.formats.files import as_csv
from benchmark.words import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches of a letter of running text, at a note's font size.
NOTE_LETTER = 0.05
#: Points of a screen to an inch, in a notebook.
SCREEN = 140
#: Without dates, or no file would be the same twice.
METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Picture:
    """A figure before it is drawn: the ``numbers`` that it shows, and all that decides how it looks.

    ``height`` is in inches, without the ``caption`` below, which ``paper`` may do without; ``draw`` puts all
    the rest into the empty figure.
    """

    numbers: pd.DataFrame
    paper: Paper
    height: float
    draw: Callable[[Figure], None]
    caption: str = ""
    fine: bool = False

    def figure(self) -> Figure:
        """The figure, drawn; it belongs to no window."""
        with self._style():
            return self._drawn()

    def files(self) -> dict[str, bytes]:
        """Its files by their ending: its numbers, and the figure in all formats."""
        with self._style():
            figure = self._drawn()
            return {"csv": as_csv(self.numbers), **{kind: _saved(figure, kind) for kind in METADATA}}

    def _style(self) -> AbstractContextManager[None]:
        lines = self._lines
        height = self.height + LINE * (len(lines) + 0.5 * bool(lines))
        return paper_style(self.paper.columns, height, self.fine)

    def _drawn(self) -> Figure:
        figure = ShownFigure(layout="constrained")
        self.draw(figure)
        if self._lines:
            figure.supxlabel("\n".join(self._lines), fontsize=6.5)
        _take_no_ligatures(figure)
        _lay_out(figure)
        return figure

    @cached_property
    def _lines(self) -> list[str]:
        return _note_lines(self.paper.columns, self.caption) if self.caption and self.paper.captions else []


class ShownFigure(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return _saved(self, "png"), {"width": round(self.get_figwidth() * SCREEN)}


def picture(
    numbers: pd.DataFrame,
    paper: Paper,
    height: float,
    draw: Callable[[Figure], None],
    caption: str = "",
    fine: bool = False,
) -> dict[str, bytes]:
    """The files of a ``Picture``."""
    return Picture(numbers, paper, height, draw, caption, fine).files()


def file_name(name: str) -> str:
    """A name as a part of a file name: different names stay different, none leaves its folder."""
    return quote(name, safe="").replace(".", "%2E")


def close_up(ax: Axes, axis: str, values: Sequence[float]) -> None:
    """Limits that show these values, where intervals are far wider."""
    ax.set(**{f"{axis}lim": Window(list(values)).limits})


def _note_lines(columns: Columns, text: str) -> list[str]:
    return textwrap.wrap(printable(text), int(WIDTH[columns] / NOTE_LETTER), break_on_hyphens=False)


def _lay_out(figure: Figure) -> None:
    """Place everything once, not again for each format."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine(None)


def _take_no_ligatures(figure: Figure) -> None:
    """A ligature, which newer versions of matplotlib set, embeds the font in a PDF a second time."""
    for text in figure.findobj(Text):
        if hasattr(text, "set_fontfeatures"):
            text.set_fontfeatures(("-liga",))


def _saved(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=METADATA[kind])
    return buffer.getvalue()
