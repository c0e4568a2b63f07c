"""Strategies against strategies: the penalty matrix and the overlap of selections, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import table_files
from benchmark.report.formats.numbers import head
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.results.study import Study
from benchmark.report.selections.overlap import chosen_images, overlap, overlap_by_chance
from benchmark.report.statistics.penalty_matrix import MEAN, penalty_matrix


@dataclass(frozen=True)
class Matrix:
    """Numbers between strategies (rows) and strategies (columns) of one data set.

    ``value`` names the numbers.
    """

    dataset: str
    values: pd.DataFrame
    value: str
    caption: str
    #: The caption in a few words, for the figure.
    short: str

    @property
    def names(self) -> list[str]:
        """The strategies of the columns."""
        return [str(name) for name in self.values.columns]

    @property
    def numbers(self) -> dict[str, str]:
        """What stands above the columns, whose names would not fit side by side."""
        return {name: f"({place})" for place, name in enumerate(self.names, start=1)}

    def long(self) -> pd.DataFrame:
        """One row per pair: data set, strategy (row), against (column), value."""
        stacked = self.values.rename_axis("strategy").reset_index()
        table = stacked.melt("strategy", var_name="against", value_name=self.value)
        return table.assign(dataset=self.dataset)[["dataset", "strategy", "against", self.value]]


def penalties(subject: DatasetResults) -> Matrix | None:
    """Who beats whom after the shared first budget; None with fewer than two strategies, seeds or budgets."""
    budgets = subject.evidence.budgets[1:]
    losses = subject.losses
    compared = losses[losses["strategy"].isin(subject.ranked) & losses["labelled"].isin(budgets)]
    if compared["strategy"].nunique() < 2 or compared["seed"].nunique() < 2:
        return None
    values = penalty_matrix(compared)
    names = [name for name in subject.ranked if name in values]
    caption = (
        f"{subject.dataset}: share of the {len(budgets)} budgets after the first, whose network all share, "
        "at which the strategy of the row has a lower total validation loss than that of the column: the "
        f"95 % t interval of their differences, paired by seed, lies below 0; {subject.seeds}. Many "
        "comparisons, none corrected. Last row: how often each is beaten (Ash et al. 2020)."
    )
    short = f"{subject.dataset}, {subject.seeds}: how often the row beats the column"
    return Matrix(subject.dataset, values.loc[[*names, MEAN], names], "beats", caption, short)


def overlaps(subject: DatasetResults) -> Matrix | None:
    """How much the selections overlap at the last budget; None without two to compare."""
    budgets = subject.evidence.budgets
    if len(budgets) < 2:
        return None
    values = overlap(chosen_images(subject.study.rounds_of(subject.dataset)), budgets[-1])
    names = [name for name in subject.order if name in values]
    if values.notna().sum().sum() == 0:
        return None
    last = head(budgets[-1], subject.evidence.pool)
    caption = (
        f"{subject.dataset}: mean Jaccard index of the images chosen after the first set, at {last}, over "
        f"the seeds that both have; on the diagonal between the seeds of one strategy. {_by_chance(subject)}."
    )
    short = f"{subject.dataset} at {last}: Jaccard index of the choices{_by_chance_in_short(subject)}"
    return Matrix(subject.dataset, values.loc[names, names], "jaccard", caption, short)


def _chance(subject: DatasetResults) -> float:
    budgets, pool = subject.evidence.budgets, subject.evidence.pool
    return overlap_by_chance(budgets[-1] - budgets[0], pool - budgets[0])


def _by_chance(subject: DatasetResults) -> str:
    """What two random choices have in common, where a budget is a number of images."""
    if subject.is_priced:
        return "At prices strategies choose more images or fewer, and those who choose more overlap more"
    return f"Two random choices after one first set: about {_chance(subject):.2f}"


def _by_chance_in_short(subject: DatasetResults) -> str:
    return "" if subject.is_priced else f"; by chance {_chance(subject):.2f}"


def render(study: Study) -> dict[str, bytes]:
    """The files of both tables by their path within the folder of the report."""
    return _files("penalty", study, penalties) | _files("overlap", study, overlaps)


def _files(
    name: str, study: Study, of_subject: Callable[[DatasetResults], Matrix | None]
) -> dict[str, bytes]:
    found = [(subject, matrix) for subject in subjects(study) if (matrix := of_subject(subject))]
    if not found:
        return {}
    tables = [make_table(subject, matrix) for subject, matrix in found]
    numbers = pd.concat([matrix.long() for _, matrix in found])
    return table_files(name, numbers, tables)


def make_table(subject: DatasetResults, matrix: Matrix) -> Table:
    """The matrix of one data set, its means below the rule."""
    rows = {name: [_cell(value) for value in matrix.values.loc[name]] for name in matrix.values.index}
    return Table(
        heads=list(matrix.numbers.values()),
        rows=[
            (f"{number} {subject.results.label_in(subject.dataset)(name)}", rows[name])
            for name, number in matrix.numbers.items()
        ],
        references=[("mean", rows[MEAN])] if MEAN in rows else [],
        caption=matrix.caption,
        notes=[
            f"{name} is told what no strategy may know."
            for name in matrix.names
            if name in subject.results.references
        ],
    )


def _cell(value: float) -> Cell:
    return Cell(MISSING if math.isnan(value) else f"{value:.2f}")
