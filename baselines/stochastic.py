"""Stochastic batch acquisition: images drawn by their scores, where top-k would take near-copies.

Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron & Gal, "Stochastic Batch Acquisition", TMLR 2023.
Each image gets a potential and Gumbel noise of scale 1 / beta, and the highest sums are taken: the same as
drawing one after the other, without replacement, with probability proportional to exp(beta * potential).
"""

from __future__ import annotations

import numpy as np

from strategies import Modifier, StrategyName, register
from strategies.interface import Positions, Scores
from strategies.ranking import highest, ranks, robust_minmax

SOURCE = "Kirsch et al., TMLR 2023 (Stochastic Batch Acquisition)"


class Stochastic(Modifier):
    """A base's scores, brought together as a potential; the choice is drawn."""

    def __init__(self, base: StrategyName = StrategyName("entropy"), beta: float = 1.0) -> None:  # noqa: B008
        if beta <= 0:
            raise ValueError("beta must be more than 0; random selection is the strategy random")
        super().__init__(base)
        self.beta = beta

    def potential(self, scores: Scores) -> Scores:
        """Higher is more likely (n), from n x T scores."""
        raise NotImplementedError

    def pick(self, scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
        """The images of the highest potential after noise."""
        potential = self.potential(scores)
        noise = rng.gumbel(scale=1 / self.beta, size=len(potential))
        return highest(potential + noise, budget, rng)


@register("power", source=SOURCE, family="modifier")
class Power(Stochastic):
    """Drawn with probability proportional to score^beta; an image of score 0 comes last.

    Deviations: the paper has one task, and scores whose 0 means that there is nothing to learn. Here each
    task's scores are mapped from their 1st..99th percentile over the unlabelled images to 0..1, so that they
    can be averaged over tasks; 0 is then what is lowest for every task.
    base: any strategy that chooses by a score per task.
    beta: near 0 the choice is uniform, a large one takes the highest scores.
    """

    def potential(self, scores: Scores) -> Scores:
        """log of the score; minus infinity, which no noise lifts, for 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(robust_minmax(scores).mean(1)))


@register("softmax", source=SOURCE, family="modifier")
class Softmax(Stochastic):
    """Drawn with probability proportional to exp(beta * score).

    Deviations: the paper has one task, and raw scores. Here each task's scores are mapped from their
    1st..99th percentile over the unlabelled images to 0..1 and averaged over tasks, so that the best image
    is at most exp(beta) times as likely as the worst.
    base: any strategy that chooses by a score per task.
    beta: inverse temperature; near 0 the choice is uniform, a large one takes the highest scores.
    """

    def potential(self, scores: Scores) -> Scores:
        """The score."""
        return np.asarray(robust_minmax(scores).mean(1))


@register("soft-rank", source=SOURCE, family="modifier")
class SoftRank(Stochastic):
    """Drawn with probability proportional to place^-beta, the image of the highest mean rank at place 1.

    Deviations: the paper has one task; here places are those of the mean rank over tasks. Images that are
    equal share their mean place, or their place in the pool would decide.
    base: any strategy that chooses by a score per task.
    beta: near 0 the choice is uniform, a large one chooses as the base does.
    """

    def potential(self, scores: Scores) -> Scores:
        """-log of the place."""
        place = 1 + (1 - ranks(ranks(scores).mean(1))) * (len(scores) - 1)
        return np.asarray(-np.log(place))
