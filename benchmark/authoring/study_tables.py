"""Tables in the documentation that are those of published results: written from the archives, never by hand.

``python -m benchmark.authoring.study_tables`` (``make docs``) writes each anew, between a mark that names an
archive below docs/ and a table of its report, and the mark of its end:

    <!-- study/nyud-cpu.zip: loss_vs_labels -->
    <!-- end of table -->

Several archives, with spaces between them, are one report, with tables over data sets. ``costs_and_losses``
is a table of no report: NAUBC and what choosing costs, a row a strategy. ``claim`` is none at all: the
sentences that the page of the report begins with.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from benchmark.authoring.marked_parts import marks, rewritten
from benchmark.errors import UserError
from benchmark.report import read_studies
from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.formats.text import escape_markdown, markdown
from benchmark.report.labels import tables as label_tables
from benchmark.report.page.claim import claim
from benchmark.report.results.study import Study
from benchmark.report.tables import (
    cost_table,
    delta_mtl_table,
    headline_table,
    loss_table,
    over_datasets_table,
)
from benchmark.report.tables.costs import mean_costs
from benchmark.report.validity import usefulness

DOCS = Path(__file__).parents[2] / "docs"
MARK = r"(?P<archives>\S+\.zip(?: \S+\.zip)*): (?P<table>\w+)"
WIDTH = 120
HEADS = ("NAUBC", "minus random", "of the gap", "pool pass (s)", "selection (s)")


def with_tables(text: str, folder: Path = DOCS) -> str:
    """A document with the tables that its marks name; archives lie below ``folder``.

    Raises UserError where it has no such mark, and for an archive or a table that is not there.
    """
    return rewritten(text, MARK, lambda found: "\n".join(rows(folder, found["archives"], found["table"])))


def rows(folder: Path, archives: str, table: str) -> list[str]:
    """The lines in Markdown, without what stands above and below a table."""
    tables = _tables(*(folder / archive for archive in archives.split()))
    if table not in tables:
        raise UserError(f"{archives} has no table {table}: it has {', '.join(sorted(tables))}.")
    return tables[table]


@cache
def _tables(*archives: Path) -> Mapping[str, list[str]]:
    """The lines of every table of the archives in Markdown, by its name."""
    study = read_studies(archives)
    files = loss_table.render(study.results) | headline_table.render(study.results)
    for part in (cost_table, delta_mtl_table, label_tables, over_datasets_table, usefulness):
        files |= part.render(study)
    found = {Path(path).stem: file.decode() for path, file in files.items() if path.endswith(".md")}
    found["costs_and_losses"] = markdown(list(_costs_and_losses(study)))
    lines = {name: [row for row in text.splitlines() if row[:1] == "|"] for name, text in found.items()}
    return {**lines, "claim": [line for subject in subjects(study) for line in _claim(subject)]}


def _claim(subject: DatasetResults) -> list[str]:
    return textwrap.wrap(escape_markdown(claim(subject.evidence).sentence), WIDTH, break_on_hyphens=False)


def _costs_and_losses(study: Study) -> Iterator[Table]:
    for subject in subjects(study):
        numbers = headline_table.long_table([subject.evidence]).set_index("strategy")
        spent = mean_costs(cost_table.costs_of(subject)).set_index("strategy")
        cells = {str(name): _cells(numbers.loc[name], spent.loc[name]) for name in numbers.index}
        ranked, references = subject.evidence.order
        yield Table(
            heads=HEADS,
            rows=[(name, cells[name]) for name in ranked],
            references=[(name, cells[name]) for name in references if name in cells],
            caption=cost_table.caption(subject),
            notes=[],
        ).named(study.results.label_in(subject.dataset))


def _cells(numbers: pd.Series, spent: pd.Series) -> list[Cell]:
    """Those of one strategy."""
    return [
        Cell(_number(numbers["naubc"], "{:.3f}")),
        Cell(_number(numbers["minus_random_mean"], "{:+.3f}")),
        Cell(_number(numbers["share_of_gap_mean"], "{:+.0%}").replace("%", " %")),
        Cell(_number(spent["observe"], "{:.1f}")),
        Cell(_number(spent["select"], "{:.2f}")),
    ]


def _number(value: float | None, form: str) -> str:
    return MISSING if pd.isna(value) else form.format(value)


def documents(folder: Path = DOCS) -> list[Path]:
    """Those that hold such a table."""
    files = sorted(folder.glob("*.md"))
    return [file for file in files if any(marks(file.read_text(encoding="utf-8"), MARK))]


def main(folder: Path = DOCS) -> None:
    """Write the tables of all documents of a folder."""
    for file in documents(folder):
        file.write_text(with_tables(file.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
