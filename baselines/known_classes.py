"""Control by classes: images of rare classes, or of common ones alone, by a strategy that is told both."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strategies import Pool, Selection, Strategy, register
from strategies.classes_shown import shown
from strategies.interface import Positions, TaskSpec
from strategies.score_normalisation import highest

Order = Literal["rare", "common"]


@register(
    "known-classes",
    source="a positive and a negative control of this benchmark",
    family="control",
)
class KnownClasses(Strategy):
    """Images that show the rare classes, or only common ones. It looks at labels: never ranked.

    On data with rare classes the first should beat random in these classes' mIoU and the second lose to it: a
    study in which they cannot be told from random says nothing of any strategy.
    order: rare takes a random image that shows the class with the fewest labelled images, again and again, as
    long as one is left; common the images whose rarest class the most images of the pool show. Classes are
    those of all categorical tasks; an image without a label shows none, and is taken last. Ties are broken at
    random.
    """

    reference = True
    knows = ("classes",)

    def __init__(self, order: Order = "rare") -> None:
        if order not in ("rare", "common"):
            raise ValueError(f"known-classes: order must be rare or common, not {order!r}")
        self.order = order

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse tasks without classes."""
        if not any(task.kind == "categorical" for task in tasks):
            raise ValueError(f"known-classes needs a categorical task; there are {_listed(tasks)}")

    def select(self, pool: Pool, budget: int) -> Selection:
        """The images whose classes come first. Raises ValueError for a pool that nothing is told of."""
        if not pool.known.classes:
            raise ValueError("known-classes needs the classes of the pool's images, and was told none")
        shows = np.concatenate([shown(shares) for shares in pool.known.classes.values()], 1)
        if self.order == "rare":
            return Selection(_least_covered_first(shows, pool, budget))
        free = shows[pool.unlabelled]
        rarest = np.where(free, shows.sum(0), np.inf).min(1)
        return Selection(pool.unlabelled[highest(np.where(free.any(1), rarest, -1), budget, pool.rng)])


def _least_covered_first(shows: NDArray[np.bool_], pool: Pool, budget: int) -> Positions:
    """The positions chosen one by one; ``shows`` (N x C) says which image shows which class."""
    covered = shows[pool.labelled].sum(0)
    free = pool.rng.permutation(pool.unlabelled)  # the first that shows a class is a random one
    chosen: list[int] = []
    while len(chosen) < budget:
        left = shows[free].any(0)
        least = highest(np.where(left, -covered, -np.inf), 1, pool.rng)[0]
        at = int(shows[free, least].argmax())  # the first of all, where no class is left
        chosen.append(int(free[at]))
        covered = covered + shows[free[at]]
        free = np.delete(free, at)
    return np.array(chosen, np.int64)


def _listed(tasks: tuple[TaskSpec, ...]) -> str:
    return ", ".join(f"{task.name} ({task.kind})" for task in tasks)
