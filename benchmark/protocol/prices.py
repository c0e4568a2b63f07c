"""Prices of labels, in the unit of budgets: what all labels of an image cost, on average over the pool."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import MultiTaskDataset
from benchmark.errors import UserError
from strategies.interface import Draws, Strategy

Prices = NDArray[np.float64]
#: Prices that differ by less are the same.
ALIKE = 1e-12
#: What a strategy is asked for weights of, to learn whether it has any.
ANY_DRAW = Draws(np.array([0.5]), np.array([2]), 1)


def prices(costs: Mapping[str, float], columns: Mapping[str, str], dataset: MultiTaskDataset) -> Prices:
    """The price of every label (images x tasks), whatever the unit of ``costs``; equal ones without any.

    ``columns`` names, by task, the data set's column that its price is multiplied by, image by image. Raises
    UserError unless all are of the data set's tasks, and of its columns, in which all numbers are over 0.
    """
    names = [task.name for task in dataset.tasks]
    given = set(costs) | set(columns)
    if given and (wrong := sorted(given ^ set(names))):
        what = "there is no task" if wrong[0] in given else "there is no price for"
        raise UserError(f"costs: {what} {wrong[0]}; {dataset.name} has the tasks {', '.join(names)}.")
    each = [costs.get(name, 1.0) * _column(columns.get(name), dataset) for name in names]
    table = np.stack(each, 1)
    return np.asarray(table / table.sum(1).mean())


def _column(name: str | None, dataset: MultiTaskDataset) -> Prices:
    """The numbers of a column, or ones (N)."""
    ids = dataset.train.ids
    if name is None:
        return np.ones(len(ids))
    if name not in dataset.columns:
        listed = ", ".join(sorted(dataset.columns)) or "none"
        raise UserError(f"cost_columns: {dataset.name} has no column {name!r}; it has: {listed}.")
    numbers = np.array([dataset.columns[name][image] for image in ids], np.float64)
    sound = np.isfinite(numbers) & (numbers > 0)
    if not sound.all():
        wrong = ids[int(np.argmin(sound))]
        raise UserError(f"cost_columns: {name!r} has no number over 0 for {wrong!r}, and labels have prices.")
    return numbers


def check_draws(strategy: Strategy, table: Prices, first_labels: str) -> None:
    """Raise ValueError for a strategy that weighs by how likely images were, where they cost unequally.

    What the budget does not pay is passed over there, and how likely the next one was is known to nobody.
    """
    one_price = np.ptp(table.sum(1)) < ALIKE and first_labels == "images"
    if not one_price and strategy.draw_weights(ANY_DRAW) is not None:
        raise ValueError(
            "it weighs images by how likely they were to be drawn, which is not known where some images cost "
            "more than others (cost_columns, first_labels=pairs): take another weighting"
        )


def digest(costs: Prices) -> str | None:
    """What a round's key says of prices that are not all the same."""
    if np.ptp(costs) < ALIKE:
        return None
    # Without the last digits, in which one price differs by the unit that it was given in.
    return hashlib.sha256(np.ascontiguousarray(costs.round(12)).tobytes()).hexdigest()
