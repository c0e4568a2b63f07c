"""The report of a sweep: its variants side by side, each from a folder of its own, and nothing mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.errors import UserError
from benchmark.records.results_folder import EXPERIMENT
from benchmark.records.sweep_folder import read_sweep
from benchmark.report import Report, read_studies, write_files, write_report

if TYPE_CHECKING:
    from benchmark.experiment.sweep import Variant
    from benchmark.report.results.study import Study


def read_variants(folder: Path) -> list[tuple[Variant, Study]]:
    """The variants of a sweep that have results. Raises UserError where none has, or one is broken."""
    begun = [variant for variant in read_sweep(folder) if (folder / variant.folder / EXPERIMENT).is_file()]
    if not begun:
        raise UserError(f"{folder} has no results of any variant yet: `mtal run` writes them.")
    return [(variant, read_studies([folder / variant.folder])) for variant in begun]


def write_sweep_report(
    folder: Path,
    *,
    columns: Literal[1, 2] = 1,
    captions: bool = True,
    strategies: Sequence[str] | None = None,
    each: bool = True,
    show: Callable[[str], None] = lambda _: None,
) -> Report:
    """Write tables, a figure and ``index.html`` of a sweep into its folder; with ``each``, every variant's.

    Raises UserError as ``write_report`` does.
    """
    from benchmark.report.drawing.paper_style import Paper
    from benchmark.report.formats import text
    from benchmark.report.sweep import figure, page, table
    from benchmark.words import terminal_width

    found = read_variants(folder)
    if strategies is not None:
        found = [(variant, study.only(strategies)) for variant, study in found]
    tables = table.make_tables(found)
    said = text.terminal(tables, terminal_width())
    show(said)
    for variant, _ in found if each else ():
        write_report(folder / variant.folder, columns=columns, captions=captions, strategies=strategies)
    files = table.render(found) | figure.render(found, Paper(columns, captions))
    return Report(write_files(folder, files | page.render(found, tables, files)), said)
