"""The table of delta MTL: how far each task is from the network trained on everything."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import table_files
from benchmark.report.formats.numbers import head
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.load import Results
from benchmark.report.results.metrics import metric
from benchmark.report.results.study import Study
from benchmark.report.statistics.delta_mtl import delta_mtl
from benchmark.report.statistics.intervals import over_seeds
from benchmark.report.statistics.paired_tests import best

MEAN = "mean"
CELL = ["dataset", "strategy", "labelled", "share", "task"]


def deltas(subject: DatasetResults, results: Results | None = None) -> pd.DataFrame:
    """Delta MTL of every seed, budget and task, and the mean over tasks; empty where it is not defined.

    It needs the headline metric of every task, of strategies and of the full-data network. ``results`` are
    others than those that are shown.
    """
    rows = (results or subject.results).of(subject.dataset)
    headlines = subject.study.headlines(subject.dataset)
    there = set(rows[["task", "metric"]].itertuples(index=False, name=None))
    if not headlines or not set(headlines.items()) <= there:
        return pd.DataFrame(columns=[*CELL, "seed", "value"])
    return delta_mtl(rows, headlines, subject.results.metrics).dropna(subset="value")


def at_last_budget(subject: DatasetResults, results: Results | None = None) -> pd.DataFrame:
    """``deltas`` at the last budget."""
    found = deltas(subject, results)
    return found[found["labelled"] == max(subject.evidence.budgets, default=0)]


def tasks_of(subject: DatasetResults) -> list[str]:
    """The tasks, and their mean last."""
    return [*subject.study.headlines(subject.dataset), MEAN]


def render(study: Study) -> dict[str, bytes]:
    """The files of the table by their path within the folder of the report; none where it is not defined."""
    found = [subject for subject in subjects(study) if not at_last_budget(subject).empty]
    if not found:
        return {}
    tables = [make_table(subject) for subject in found]
    numbers = pd.concat([over_seeds(deltas(subject), CELL) for subject in found])
    return table_files("delta_mtl", numbers, tables)


def make_table(subject: DatasetResults) -> Table:
    """The table of one data set at its last budget."""
    values, tasks, names = at_last_budget(subject), tasks_of(subject), subject.order
    seeds, best_of = len(subject.evidence.seeds), _best(subject)
    by_task = [(values[values["task"] == task], best_of.get(task, frozenset())) for task in tasks]
    columns = [_column(part, seeds, marked) for part, marked in by_task]
    rows = {name: [column.get(name, Cell(MISSING)) for column in columns] for name in names}
    headlines = subject.study.headlines(subject.dataset)
    metrics = ", ".join(f"{metric(name).label} of {task}" for task, name in headlines.items())
    return Table(
        heads=tasks,
        rows=[(name, rows[name]) for name in subject.ranked],
        references=[(name, rows[name]) for name in names if name not in subject.ranked],
        caption=caption(subject),
        notes=[f"Of the metrics {metrics}. {MISSING} says that a number does not exist."],
        marked="The best mean of a column, and what a paired test (Holm) does not tell from it,",
    ).named(subject.results.label_in(subject.dataset))


def caption(subject: DatasetResults) -> str:
    """What the numbers are."""
    last = head(subject.evidence.budgets[-1], subject.evidence.pool)
    return (
        f"{subject.dataset}: Delta MTL at {last}: % better (positive) or worse than the network trained on "
        f"everything; mean, 95 % t interval, {subject.seeds}."
    )


def _column(values: pd.DataFrame, seeds: int, marked: Set[str]) -> dict[str, Cell]:
    """The cells of one task, of which more is better."""
    cells = over_seeds(values, CELL).to_dict("records")
    written = {str(row["strategy"]): _cell(row, seeds) for row in cells}
    return {name: replace(cell, mark="best") if name in marked else cell for name, cell in written.items()}


def _best(subject: DatasetResults) -> dict[str, frozenset[str]]:
    """By task, what no test tells from the best, of the whole experiment; nothing with a plan."""
    if subject.evidence.planned:
        return {}
    every = at_last_budget(subject, subject.results.whole)
    ranked = every[~every["strategy"].isin(subject.results.references)]
    seeds = ranked["seed"].nunique()
    return {
        str(task): best(part.assign(value=-part["value"]), seeds) for task, part in ranked.groupby("task")
    }


def _cell(row: dict[str, float], seeds: int) -> Cell:
    half = row["high"] - row["mean"]
    spread = "" if pd.isna(half) else f" ± {half:.1f}"
    return Cell(f"{row['mean']:+.1f}", spread, fewer_seeds(int(row["seeds"]), seeds))
