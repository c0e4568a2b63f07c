"""Control by groups: as many groups of images as can be, or as few, by a strategy that is told the groups."""

from __future__ import annotations

from typing import Literal

import numpy as np

from strategies import Pool, Selection, Strategy, register
from strategies.interface import Positions
from strategies.score_normalisation import highest

Order = Literal["spread", "packed"]


@register(
    "known-groups",
    source="a positive and a negative control of this benchmark",
    family="control",
)
class KnownGroups(Strategy):
    """Images of as many groups as can be, or of as few. It is told the groups: never ranked.

    A group is a set of images that are alike because of how they were taken, such as the frames of a video.
    Where labels of one image say much of the others of its group, spread should beat random and packed lose
    to it: a study in which they cannot be told from random says nothing of any strategy.
    order: spread takes an image of the group with the fewest labelled ones, again and again; packed all of a
    group, the one with the most labelled ones first. Ties are broken at random.
    """

    reference = True
    knows = ("groups",)

    def __init__(self, order: Order = "spread") -> None:
        if order not in ("spread", "packed"):
            raise ValueError(f"known-groups: order must be spread or packed, not {order!r}")
        self.order = order

    def select(self, pool: Pool, budget: int) -> Selection:
        """The images whose groups come first. Raises ValueError for a pool that nothing is told of."""
        groups = pool.known.groups
        if groups is None:
            raise ValueError("known-groups needs groups of the pool's images, and was told none")
        labelled = np.bincount(groups[pool.labelled], minlength=groups.max() + 1)
        shuffled = pool.rng.permutation(pool.unlabelled)
        of = groups[shuffled]
        if self.order == "spread":
            return Selection(shuffled[highest(-(labelled[of] + _earlier(of)), budget, pool.rng)])
        place = np.empty(len(labelled))
        place[highest(labelled, len(labelled), pool.rng)] = np.arange(len(labelled))
        return Selection(shuffled[np.argsort(place[of], kind="stable")[:budget]])


def _earlier(groups: Positions) -> Positions:
    """How many of N images before each one are of its group."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], groups[order])
    earlier = np.empty_like(order)
    earlier[order] = np.arange(len(order)) - starts
    return earlier
