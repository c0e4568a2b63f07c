"""Random labels, bought by themselves: what a choice of labels must beat at equal price."""

from __future__ import annotations

import numpy as np

from strategies import Pool, Selection, Strategy, TaskSpec, register
from strategies.interface import Positions
from strategies.labels_bought import Pairs, bought_in_order, missing_pairs, paid_in_order


@register("random-pairs", source="uniform sampling of pairs of image and task", family="random")
class RandomPairs(Strategy):
    """Uniform over all labels that are missing, whatever their price, until nothing more is paid."""

    partial = True

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw from the strategy's own stream."""
        del budget
        pairs = missing_pairs(pool)
        return bought_in_order(pool, pairs.at(pool.rng.permutation(len(pairs.images))))


@register("random-split", source="budget split evenly among tasks, then uniform sampling", family="random")
class RandomSplit(Strategy):
    """The same share of the budget for every task, spent on the labels of random images.

    So a task of a low price gets more labels. What a task leaves of its share, because all its labels are
    bought or none is cheap enough, is spent on random labels.
    """

    partial = True

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw from the strategy's own stream."""
        del budget
        pairs = missing_pairs(pool)
        pairs = pairs.at(pool.rng.permutation(len(pairs.images)))
        shared = np.concatenate([_of_share(pool, pairs, task) for task in range(len(pool.tasks))])
        others = np.setdiff1d(np.arange(len(pairs.images)), shared)
        return bought_in_order(pool, pairs.at(np.concatenate([shared, others])))


def _of_share(pool: Pool, pairs: Pairs, task: int) -> Positions:
    """Places of the labels of a task that its share of the budget pays."""
    places = np.flatnonzero(pairs.tasks == task)
    paid = paid_in_order(pool.costs[pairs.images[places], task], pool.budget / len(pool.tasks))
    return np.asarray(places[paid], np.int64)


@register("one-task", source="all of the budget for one task's labels, images uniform", family="random")
class OneTask(Strategy):
    """Labels of one task alone, of random images: what the other tasks lose, and this one gains.

    When all its labels are bought nothing more is.
    task: whose labels; that of the first task if none is named.
    """

    partial = True

    def __init__(self, task: str = "") -> None:
        self.task = task

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse a task that is not there."""
        names = [task.name for task in tasks]
        if self.task and self.task not in names:
            raise ValueError(f"task={self.task}: there is no such task; there is: {', '.join(names)}")

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw from the strategy's own stream."""
        del budget
        names = [task.name for task in pool.tasks]
        pairs = missing_pairs(pool)
        own = pairs.at(np.flatnonzero(pairs.tasks == (names.index(self.task) if self.task else 0)))
        return bought_in_order(pool, own.at(pool.rng.permutation(len(own.images))))
