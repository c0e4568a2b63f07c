"""The tables of labels by task: how many were bought, what for, and whole images at equal price."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import table_files
from benchmark.report.formats.numbers import head
from benchmark.report.formats.table import MISSING, Cell, Table
from benchmark.report.labels.bought import bought, prices_of, tasks_of
from benchmark.report.labels.worth import exchange, worth
from benchmark.report.results.load import TOTAL_LOSS
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study
from benchmark.report.statistics.intervals import t_interval


def render(study: Study) -> dict[str, bytes]:
    """The files of all three by their path within the folder of the report; none without prices."""
    priced = [subject for subject in subjects(study) if subject.is_priced and subject.evidence.budgets]
    files: dict[str, bytes] = {}
    for name, numbers, make in PARTS:
        found = [(subject, numbers(subject)) for subject in priced]
        found = [(subject, table) for subject, table in found if not table.empty]
        if found:
            tables = [make(subject) for subject, _ in found]
            files |= table_files(name, pd.concat([table for _, table in found]), tables)
    return files


def tables(subject: DatasetResults) -> list[Table]:
    """Those of one data set; none where it is not priced."""
    if not subject.is_priced:
        return []
    return [make(subject) for _, numbers, make in PARTS if not numbers(subject).empty]


def bought_table(subject: DatasetResults) -> Table:
    """Labels of each task at every budget, and what was spent."""
    table, tasks, budgets = bought(subject), tasks_of(subject), subject.evidence.budgets
    labels = table.pivot_table(index=["strategy", "task"], columns="labelled", values="labels")
    spent = (
        table.groupby(["strategy", "seed", "labelled"])["price"]
        .sum()
        .groupby(["strategy", "labelled"])
        .mean()
    )
    cells = {
        name: [
            *(Cell(_row(labels, (name, task), budgets)) for task in tasks),
            Cell(" / ".join(_number(spent.get((name, size), math.nan)) for size in budgets)),
        ]
        for name in subject.order
    }
    prices = ", ".join(f"{task} {price:.3g}" for task, price in prices_of(subject).items())
    return _table(
        subject,
        [*tasks, "price"],
        cells,
        f"{subject.dataset}: labels of each task at the budgets {_heads(subject)}, and what they cost "
        f"together in whole images' worth; mean over {subject.seeds}. One label costs: {prices}.",
    )


def worth_table(subject: DatasetResults) -> Table:
    """What a task's labels were worth."""
    found, columns = worth(subject), [TOTAL_LOSS[0], *tasks_of(subject)]
    by = {key: part["value"].dropna().tolist() for key, part in found.groupby(["strategy", "task"])}
    cells = {name: [_spread(by.get((name, task), [])) for task in columns] for name in subject.order}
    first, last = (
        head(size, subject.evidence.pool)
        for size in (subject.evidence.budgets[0], subject.evidence.budgets[-1])
    )
    return _table(
        subject,
        columns,
        cells,
        f"{subject.dataset}: loss bought for the price of a whole image: by how much a task's own loss fell "
        f"from {first} to {last}, over what its labels cost meanwhile; mean and 95 % t interval, "
        f"{subject.seeds}.",
        "Tasks help each other, so a task gains by others' labels too: a strategy that bought few of its own "
        f"labels may show a high number. {MISSING}: none was bought.",
    )


def exchange_table(subject: DatasetResults) -> Table:
    """Against random whole images at equal price."""
    found, budgets = exchange(subject), subject.evidence.budgets[1:]
    by = {(str(row["strategy"]), int(row["labelled"])): row for row in found.to_dict("records")}
    last = budgets[-1]
    cells = {
        name: [_exchanged(by.get((name, size)), last / size) for size in budgets]
        for name in subject.order
        if name != RANDOM
    }
    return _table(
        subject,
        [head(size, subject.evidence.pool) for size in budgets],
        cells,
        f"{subject.dataset}: total loss minus that of {RANDOM}, which buys whole images, at equal price, and "
        f"in brackets what {RANDOM} pays for the same loss, over that price; mean and 95 % t interval, "
        f"{subject.seeds}. Below 0 and above 1 is better.",
    )


def _table(
    subject: DatasetResults, heads: list[str], cells: dict[str, list[Cell]], caption: str, *notes: str
) -> Table:
    below = set(subject.evidence.order[1])
    return Table(
        heads=heads,
        rows=[(name, row) for name, row in cells.items() if name not in below],
        references=[(name, row) for name, row in cells.items() if name in below],
        caption=caption,
        notes=list(notes),
    ).named(subject.results.label_in(subject.dataset))


def _heads(subject: DatasetResults) -> str:
    return ", ".join(head(size, subject.evidence.pool) for size in subject.evidence.budgets)


def _row(labels: pd.DataFrame, key: tuple[str, str], budgets: tuple[int, ...]) -> str:
    there = labels.loc[key] if key in labels.index else pd.Series(dtype=float)
    return " / ".join(_number(there.get(size, math.nan)) for size in budgets)


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.4g}"


def _spread(values: list[float]) -> Cell:
    if not values:
        return Cell(MISSING)
    mean, _, high = t_interval(values)
    return Cell(f"{mean:.3g}", "" if math.isnan(high) else f" ± {high - mean:.2g}")


def _exchanged(row: dict[str, float] | None, most: float) -> Cell:
    if row is None or math.isnan(row["mean"]):
        return Cell(MISSING)
    half = row["high"] - row["mean"]
    factor = f"{row['factor']:.2f}" if math.isfinite(row["factor"]) else f"over {most:.2f}"
    return Cell(f"{row['mean']:+.3g}", f"{'' if math.isnan(half) else f' ± {half:.2g}'} ({factor})")


#: Name of the files, numbers, and table.
PARTS = (
    ("labels_bought", bought, bought_table),
    ("label_worth", worth, worth_table),
    ("price_exchange", exchange, exchange_table),
)
