"""The report of a run: tables and figures, made from its results folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.store import write_atomically

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


def write_report(folder: Path) -> Report:
    """Write ``tables/`` and ``figures/`` into a results folder.

    The same results give the same bytes. Raises UserError if the results cannot be read or the report not
    be written.
    """
    from benchmark.report import (
        figures,
        headline,
        load,
        tables,
    )  # pandas and matplotlib take a second to import

    results = load.read_results(folder)
    files = tables.render(results) | headline.render(results) | figures.render(results)
    try:
        paths = tuple(_write(folder / name, content) for name, content in files.items())
    except OSError as error:
        raise UserError(
            f"{folder} cannot take the report, it must be a folder to write to: {error}."
        ) from error
    return Report(paths, tables.terminal_table(results))


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, content)
    return path
