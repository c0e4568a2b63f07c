"""The report of a run: tables and figures, made from its results folder alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.errors import UserError
from benchmark.records.round_store import write_atomically
from benchmark.report.results.archives import is_archive, opened

if TYPE_CHECKING:
    from benchmark.report.results.study import Study

__all__ = ["Report", "write_report"]


@dataclass(frozen=True)
class Report:
    """What a report wrote (``paths``) and its main table as plain ``text``."""

    paths: tuple[Path, ...]
    text: str

    @property
    def figures(self) -> tuple[Path, ...]:
        """The figures, in the format that every viewer shows."""
        return tuple(path for path in self.paths if path.suffix == ".png")

    @property
    def page(self) -> Path:
        """The page that shows all of it."""
        return next(path for path in self.paths if path.suffix == ".html")


def write_report(
    *sources: Path,
    columns: Literal[1, 2] = 1,
    captions: bool = True,
    strategies: Sequence[str] | None = None,
    out: Path | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> Report:
    """Write tables, figures and ``index.html`` of a folder of results into it, or of several into ``out``.

    A zip file of `mtal export` is a folder too; what is written about it lies beside it.

    ``columns`` is the width of figures with one panel, in columns of a paper, and ``captions`` says below
    each what it shows, which a paper says itself; ``strategies`` are the only
    ones to be shown, with the network trained on everything; ``show`` is given the main table before figures
    are drawn, which takes seconds. The same results give the same bytes.

    Raises UserError if the results cannot be read or do not compare, for a strategy that they do not hold,
    for several folders without ``out``, and if the report cannot be written.
    """
    target = _target(sources, out)
    if columns not in (1, 2):
        raise UserError(f"columns must be 1 or 2, the columns of a paper that a figure takes, not {columns}.")
    study = read_studies(sources)
    shown = study if strategies is None else study.only(strategies)
    main_table = terminal_text(shown)
    show(main_table)
    files = _files(shown, columns, captions)
    return Report(write_files(target, files), main_table)


def write_files(target: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files by their path within a folder. Raises UserError where that cannot be."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        return tuple(_write(target / name, content) for name, content in files.items())
    except OSError as error:
        raise UserError(
            f"{target} cannot take the report; it must be a folder to write to, with room: {error}."
        ) from error


def _target(sources: Sequence[Path], out: Path | None) -> Path:
    if not sources:
        raise UserError("Give the folder of a run to report on, or several.")
    if out is None and len(sources) > 1:
        raise UserError(f"A report on {len(sources)} folders belongs to none of them: say where with --out.")
    return out or (sources[0].with_suffix("") if is_archive(sources[0]) else sources[0])


def read_studies(sources: Sequence[Path]) -> Study:
    """Folders of results, or zip files of them, as one study. Raises UserError as ``write_report`` does."""
    from benchmark.report.results.merge import merged
    from benchmark.report.results.study import read_study

    with opened(sources) as folders:
        return merged([read_study(folder) for folder in folders])


def terminal_text(study: Study) -> str:
    """The main table for a terminal, with what it must be read against."""
    from benchmark.report.formats.text import paragraph
    from benchmark.report.tables import (
        evaluation_images_table,
        headline_table,
        loss_table,
        over_datasets_table,
    )
    from benchmark.report.validity import labels_matter, measured_noise

    notes = [
        *headline_table.terminal_notes(study.results),
        *evaluation_images_table.notes(study),
        *over_datasets_table.notes(study),
        *labels_matter.notes(study),
        *measured_noise.notes(study),
    ]
    parts = [loss_table.terminal_table(study.results), *map(paragraph, notes)]
    return "\n\n".join(filter(None, parts))


def _files(study: Study, columns: Literal[1, 2], captions: bool) -> dict[str, bytes]:
    """What is written, by its path within the folder of the report."""
    from benchmark.report import figures, page, study_protocol
    from benchmark.report.drawing import paper_style
    from benchmark.report.labels import tables as label_tables
    from benchmark.report.tables import (
        cost_table,
        delta_mtl_table,
        evaluation_images_table,
        headline_table,
        loss_table,
        matrix_tables,
        mean_ranks_table,
        over_datasets_table,
    )
    from benchmark.report.validity import labels_matter, measured_noise, usefulness

    files: dict[str, bytes] = {}
    if study.results.begun:  # of others the noise alone was measured
        files = loss_table.render(study.results) | headline_table.render(study.results)
    for part in (
        matrix_tables,
        cost_table,
        delta_mtl_table,
        evaluation_images_table,
        mean_ranks_table,
        over_datasets_table,
        label_tables,
        study_protocol,
        measured_noise,
        usefulness,
        labels_matter,
    ):
        files |= part.render(study)
    files |= figures.render(study, paper_style.Paper(columns, captions))
    return files | page.render_page(study, files)


def _write(path: Path, content: bytes) -> Path:
    if path.parent.is_symlink() and path.parent.name in ("tables", "figures"):
        raise UserError(f"{path.parent} is a symbolic link, and a report follows none: give another --out.")
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, content)
    return path
