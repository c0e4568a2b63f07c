"""Which labels a study bought, by task and round, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from benchmark.records.round_store import FULL_DATA, Round
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.load import TOTAL_LOSS
from strategies.reference import without_draw

KEY = ["dataset", "strategy", "seed", "labelled"]
COLUMNS = [*KEY, "task", "labels", "price"]


def tasks_of(subject: DatasetResults) -> list[str]:
    """The tasks of a data set, by name."""
    return sorted(set(subject.results.of(subject.dataset)["task"]) - {TOTAL_LOSS[0]})


def prices_of(subject: DatasetResults) -> dict[str, float]:
    """What a label of each task costs, in whole images' worth; the same for all where none is given.

    Where prices differ from image to image, their common factor.
    """
    tasks = tasks_of(subject)
    given = [source.experiment.get("costs") for source in subject.study.sources_of(subject.dataset)]
    costs = next((dict(each) for each in given if isinstance(each, Mapping) and each), {})
    each = {task: float(costs.get(task, 1.0)) for task in tasks}
    return {task: price / sum(each.values()) for task, price in each.items()}


def bought(subject: DatasetResults) -> pd.DataFrame:
    """``COLUMNS``: the labels of each task that a trajectory had at a budget, and what they cost together.

    The mean over the draws of random.
    """
    prices = prices_of(subject)
    rounds = [done for done in subject.study.rounds_of(subject.dataset) if done.strategy != FULL_DATA]
    rows = [row for done in rounds for row in _rows(done, prices)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.groupby([*KEY, "task"], as_index=False)[["labels", "price"]].mean()


def _rows(done: Round, prices: Mapping[str, float]) -> Iterator[tuple[object, ...]]:
    count = Counter(task for tasks in done.labels or () for task in tasks)
    head = (done.dataset, without_draw(done.strategy), done.seed, done.size)
    for task, price in prices.items():
        labels = len(done.labelled) if done.labels is None else count[task]
        yield (*head, task, labels, (done.spent or {}).get(task, labels * price))
