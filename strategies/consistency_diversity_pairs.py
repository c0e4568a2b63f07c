"""The method where labels are bought by themselves: each task is chosen for by its own score and features."""

from __future__ import annotations

from typing import Literal

from strategies.consistency_diversity import VECTOR, ConsistencyDiversity
from strategies.interface import Pool, Selection
from strategies.kernels.greedy_pairs import greedy_pairs
from strategies.labels_bought import bought_in_order, percentiles
from strategies.registry import register
from strategies.scoring import columns


@register(
    "consistency-diversity-pairs",
    source="Hekimoglu, Schmidt & Marcos-Ramiro, WACV 2024, taken label by label: not in the paper",
    family="hybrid",
)
class ConsistencyDiversityPairs(ConsistencyDiversity):
    """Labels of images whose initial and refined predictions for the task disagree, far from its others.

    One label after the other, always that of the highest score^power * distance / price. The score is the
    share of the labels to be had for the task that are less inconsistent; the distance is that of the task's
    own features, mean over pixels, to the nearest image with a label for it. So there is no unified
    representation, and no mean over tasks.
    measure: divergence of the two predictions, or the task's training loss between them (loss).
    power: 0 is pure diversity over price.
    weighting: loss weights from the rank that each label's score had when it was chosen (rank), or equal ones
    (none).
    gain: how far those weights go, 1 - gain to 1 + gain.
    """

    partial = True

    def __init__(
        self,
        measure: Literal["divergence", "loss"] = "divergence",
        power: float = 1.0,
        weighting: Literal["rank", "none"] = "rank",
        gain: float = 0.5,
    ) -> None:
        super().__init__(
            measure=measure, representation="concat", power=power, weighting=weighting, gain=gain
        )

    def select(self, pool: Pool, budget: int) -> Selection:
        """Labels for the round's price."""
        del budget
        raw = columns(pool, [task.name for task in pool.tasks])
        vectors = [pool.rows[VECTOR + task.name] for task in pool.tasks]
        scores = percentiles(raw, pool.bought) ** self.power
        pairs = greedy_pairs(vectors, pool.bought, scores, pool.costs, pool.budget, pool.rng)
        return bought_in_order(pool, pairs, raw)
