"""A choice from a random part of the pool, for strategies whose time grows with its square."""

from __future__ import annotations

from strategies import Pool, Selection, Strategy, StrategyName, register
from strategies.registry import resolve
from strategies.wrapper import Wrapper, check_no_draws, chosen_among


@register(
    "subsample",
    source="Beluch et al., CVPR 2018; Yoo & Kweon, CVPR 2019, section 4.1 (random subsets of the pool)",
    family="modifier",
)
class Subsample(Wrapper[Strategy]):
    """The base's choice, where it is shown a random part of the unlabelled images and all labelled ones.

    Another part in every round. It bounds time and memory of what compares all pairs, and near-copies of an
    image are seldom shown together. Any strategy may be the base. The papers' part of CIFAR-10 is 10,000 of
    50,000 images. Scores, for the loss weights, are of all images: of a strategy of scores its own, and else
    an image that was not shown gets those of one that was, so that ranks stay what they were among the shown.
    A base that weighs what it draws by its probability is refused: from a part that is not known.
    base: any strategy.
    size: how many unlabelled images are shown, and never fewer than are wanted; where there are not more, the
    choice is the base's own.
    """

    def __init__(self, base: StrategyName = StrategyName("max-herding"), size: int = 10_000) -> None:  # noqa: B008
        if size < 1:
            raise ValueError(f"subsample: size must be at least 1, not {size}")
        super().__init__(resolve(base).create())
        check_no_draws(self.base, base)
        self.size = size

    def select(self, pool: Pool, budget: int) -> Selection:
        """What the base chooses among those drawn."""
        count = max(self.size, budget)
        if count >= len(pool.unlabelled):
            return self.base.select(pool, budget)
        drawn = pool.rng.choice(pool.unlabelled, count, replace=False)
        return chosen_among(self.base, pool, drawn, budget)
