"""Core-set selection."""

from __future__ import annotations

from baselines._features import FeatureStrategy
from strategies import Pool, Selection, register
from strategies.diversity import k_center_greedy


@register("core-set", source="Sener & Savarese, ICLR 2018 (the greedy k-center form)", family="diversity")
class CoreSet(FeatureStrategy):
    """Greedy k-center on the shared backbone's features, started from all labelled images.

    Features are averaged over pixels per stage and put side by side; distances are Euclidean.
    """

    def select(self, pool: Pool, budget: int) -> Selection:
        """Always the image farthest from everything labelled or chosen."""
        vectors = self.vectors(pool)
        return Selection(k_center_greedy(vectors, budget, labelled=pool.labelled, rng=pool.rng))
