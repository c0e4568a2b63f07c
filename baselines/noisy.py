"""Stochastic batch acquisition: images drawn by their scores, where top-k would take near-copies.

Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron & Gal, "Stochastic Batch Acquisition", TMLR 2023.
Each image gets a potential and Gumbel noise of scale 1 / beta, and the highest sums are taken: the same as
drawing one after the other, without replacement, with probability proportional to exp(beta * potential).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from strategies import Modifier, StrategyName, register
from strategies.interface import Draws, Positions, Scores
from strategies.kernels.weighted_sampling import step_probabilities
from strategies.lure import lure_weights
from strategies.score_normalisation import highest, ranks, robust_minmax

How = Literal["power", "softmax", "soft-rank"]


@register(
    "noisy",
    source="Kirsch et al., TMLR 2023 (Stochastic Batch Acquisition)",
    family="modifier",
    short_names={how: {"how": how} for how in ("power", "softmax", "soft-rank")},
)
class Noisy(Modifier):
    """The base's scores, by which images are drawn: a high score makes it likely, not certain.

    Deviations: the paper has one task, raw scores, and for power scores whose 0 means that there is nothing
    to learn. Here each task's scores are mapped from their 1st..99th percentile over the unlabelled images to
    0..1 and averaged over tasks; 0 is then what is lowest for every task. Places are those of the mean rank
    over tasks, and images that are equal share their mean place, or their place in the pool would decide.
    base: any strategy that chooses by a score per task.
    how: power, with probability proportional to score^beta, an image of score 0 last; softmax, to
    exp(beta * score), so that the best image is at most exp(beta) times as likely as the worst; soft-rank, to
    place^-beta, the image of the highest mean rank at place 1.
    beta: near 0 the choice is uniform, a large one takes the highest scores.
    weighting: equal loss weights (none), or those of LURE (lure), which undo in expectation the shift that
    the choice brings (Farquhar, Gal & Rainforth, ICLR 2021), the probabilities being known: large for what
    was unlikely. They are then scaled to mean 1 like all weights, which the source does not do. Under power
    an image of score 0 has no chance, and no weight of another makes up for it; the others give all one.
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("entropy"),  # noqa: B008 - it is a string
        how: How = "power",
        beta: float = 1.0,
        weighting: Literal["none", "lure"] = "none",
    ) -> None:
        if beta <= 0:
            raise ValueError("beta must be more than 0; random selection is the strategy random")
        super().__init__(base)
        self.potential, self.beta, self.lure = POTENTIAL[how], beta, weighting == "lure"

    def pick(self, scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
        """The images of the highest potential after noise."""
        potential = self.potential(scores)
        noise = rng.gumbel(scale=1 / self.beta, size=len(potential))
        return highest(potential + noise, budget, rng)

    def probabilities(self, scores: Scores, picked: Positions) -> Scores | None:
        """Of what was drawn, for the weights alone."""
        return step_probabilities(self.beta * self.potential(scores), picked) if self.lure else None

    def draw_weights(self, draws: Draws) -> Scores | None:
        """Those of LURE, if asked for."""
        return lure_weights(draws) if self.lure else None


def power(scores: Scores) -> Scores:
    """log of the mean score (n) of n x T scores; minus infinity, which no noise lifts, for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(robust_minmax(scores).mean(1)))


def softmax(scores: Scores) -> Scores:
    """The mean score (n) of n x T scores."""
    return np.asarray(robust_minmax(scores).mean(1))


def soft_rank(scores: Scores) -> Scores:
    """-log of the place (n) by the mean rank of n x T scores, the best at place 1."""
    place = 1 + (1 - ranks(ranks(scores).mean(1))) * (len(scores) - 1)
    return np.asarray(-np.log(place))


#: Higher is more likely.
POTENTIAL = {"power": power, "softmax": softmax, "soft-rank": soft_rank}
