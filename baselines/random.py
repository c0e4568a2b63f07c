"""Random selection."""

from __future__ import annotations

from strategies import Pool, Selection, Strategy, register


@register("random", source="uniform sampling: what every strategy must beat", family="random")
class Random(Strategy):
    """Uniform over the unlabelled images, without replacement.

    draw: which of the independent draws of a seed; a study compares with the mean of several.
    """

    def __init__(self, draw: int = 1) -> None:
        if draw < 1:
            raise ValueError(f"random: draw must be at least 1, not {draw}")
        self.draw = draw

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw from the strategy's own stream, or from the stream of its further draw."""
        rng = pool.rng if self.draw == 1 else pool.rng.spawn(self.draw - 1)[-1]
        return Selection(rng.choice(pool.unlabelled, budget, replace=False))
