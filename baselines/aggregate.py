"""Known ways to settle what several tasks want, as one modifier of any strategy of scores."""

from __future__ import annotations

from typing import Literal

import numpy as np

from strategies import Modifier, StrategyName, rank_aggregation, register
from strategies.interface import Positions, Scores

How = Literal["max", "min", "rank", "rrf", "pareto", "round-robin"]
HOW: dict[How, rank_aggregation.Aggregation] = {
    "max": rank_aggregation.maximum_rank,
    "min": rank_aggregation.minimum_rank,
    "rank": rank_aggregation.mean_rank,
    "rrf": rank_aggregation.reciprocal_rank_fusion,
    "pareto": rank_aggregation.pareto,
    "round-robin": rank_aggregation.round_robin,
}


@register(
    "aggregate",
    source="Deb et al. 2002; Cormack, Clarke & Buettcher, SIGIR 2009; "
    "Reichart, Tomanek, Hahn & Rappoport, ACL 2008",
    family="modifier",
    short_names={
        "maximum": {"how": "max"},
        "minimum": {"how": "min"},
        "pareto": {"how": "pareto"},
        "reciprocal-rank-fusion": {"how": "rrf"},
        "round-robin": {"how": "round-robin"},
    },
)
class Aggregate(Modifier):
    """The base's scores, its tasks brought together in another way than by their mean rank.

    base: any strategy that chooses by a score per task.
    how: max, the highest rank for any task, which buys what one task wants badly; min, the highest rank for
    the task that wants it least, which buys what all tasks want; rank, the mean rank, as the base chooses by
    itself; rrf, the highest sum over tasks of 1 / (60 + place) (reciprocal rank fusion, Cormack et al. 2009);
    pareto, Pareto fronts, one peeled after the other, in each the highest mean rank first (Deb et al. 2002,
    section III A); round-robin, tasks take turns, each buys the image of its highest score (Reichart et al.
    2008).
    """

    def __init__(self, base: StrategyName = StrategyName("entropy"), how: How = "max") -> None:  # noqa: B008
        super().__init__(base)
        self.how = how

    def pick(self, scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
        """What the aggregation chooses."""
        return HOW[self.how](scores, budget, rng)
