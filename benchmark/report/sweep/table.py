"""Tables of a sweep: the headline of every strategy, a column a variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.formats.files import table_files
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, all_evidence
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.tables.headline_table import area_cell, difference_cell, long_table
from benchmark.words import counted

if TYPE_CHECKING:
    from benchmark.experiment.sweep import Variant
    from benchmark.report.results.study import Study

Found = Sequence[tuple["Variant", "Study"]]
APART = "Each column is a study of its own: nothing is averaged across columns."
MARKED = "In each column the lowest NAUBC, and what a paired test (Holm) does not tell from it,"


def render(found: Found) -> dict[str, bytes]:
    """The files of the tables by their path within the folder of the sweep."""
    return table_files("sweep", numbers(found), make_tables(found))


def numbers(found: Found) -> pd.DataFrame:
    """The headline of every variant, whose values come first, a column a field."""
    parts = []
    for variant, study in found:
        part = long_table(all_evidence(study.results))
        for place, (path, text) in enumerate(variant.texts.items()):
            part.insert(place, path, text)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def make_tables(found: Found) -> list[Table]:
    """NAUBC, and its difference to random."""
    every = [all_evidence(study.results)[0] for _, study in found]
    fields = ", ".join(found[0][0].settings)
    datasets = ", ".join(dict.fromkeys(one.dataset for one in every))
    fewest, most = (bound(len(one.seeds) for one in every) for bound in (min, max))
    few = "; descriptive: too few seeds for a test" if fewest < SEEDS_FOR_A_TEST else ""
    seeds = counted(most, "seed") if fewest == most else f"{fewest} to {most} seeds, by column"
    over = f"lower is better; 95 % intervals over {seeds}{few}. {APART}"
    head = f"{datasets}, by {fields}"
    areas = f"{head}: area under the budget curve (NAUBC) of the total validation loss, {over}"
    apart = f"{head}: the same minus that of random in the same column, paired by seed; {over}"
    return [
        _table(found, every, area_cell, areas, MARKED),
        _table(found, every, difference_cell, apart, MARKED),
    ]


def _table(
    found: Found,
    every: Sequence[DatasetStatistics],
    cell: Callable[[DatasetStatistics, str], Cell],
    caption: str,
    marked: str,
) -> Table:
    ranked, references = (
        list(dict.fromkeys(name for one in every for name in one.order[part])) for part in (0, 1)
    )
    label = found[0][1].results.label

    def row(name: str) -> list[Cell]:
        there = [name in set(one.naubc["strategy"]) for one in every]
        return [cell(one, name) if here else Cell(MISSING) for one, here in zip(every, there, strict=True)]

    return Table(
        heads=[", ".join(variant.texts.values()) for variant, _ in found],
        rows=[(name, row(name)) for name in ranked],
        references=[(name, row(name)) for name in references],
        caption=caption,
        notes=[f"Strategies in the order of the first column; {MISSING} that a number does not exist."],
        marked=marked,
    ).named(label)
