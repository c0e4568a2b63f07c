"""Random selection."""

from __future__ import annotations

from strategies import Pool, Selection, Strategy, register


@register("random", source="uniform sampling: what every strategy must beat", family="random")
class Random(Strategy):
    """Uniform over the unlabelled images, without replacement."""

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw from the strategy's own stream."""
        return Selection(pool.rng.choice(pool.unlabelled, budget, replace=False))
