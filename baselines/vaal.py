"""Variational adversarial active learning."""

from __future__ import annotations

import numpy as np

from baselines._features import FeatureStrategy, standardised
from strategies import Pool, Selection, register
from strategies.score_normalisation import highest


@register("vaal", source="Sinha, Ebrahimi & Darrell, ICCV 2019", family="diversity")
class VAAL(FeatureStrategy):
    """What a discriminator takes for unlabelled, trained against a variational auto-encoder that hides it.

    Deviations: both see the shared backbone's features, averaged over pixels per stage and standardised, not
    images, so both are small; they are trained anew at every selection, for a fixed number of steps, not
    beside the network, which stays untouched. The discriminator learns from latent vectors at random, as the
    paper writes it, where its authors' code has their means. With nothing labelled, and so nothing to tell
    apart, the choice is random.
    steps: training steps, of 64 labelled and 64 unlabelled images each.
    """

    def __init__(self, steps: int = 100) -> None:
        if steps < 1:
            raise ValueError("vaal: steps must be at least 1")
        self.steps = steps

    def select(self, pool: Pool, budget: int) -> Selection:
        """The unlabelled images that look least like the labelled ones."""
        from baselines._adversarial import unlabelled_scores

        scores = np.zeros(len(pool.ids))
        if len(pool.labelled):
            features = standardised(self.vectors(pool))
            scores = unlabelled_scores(features, pool.labelled, pool.unlabelled, self.steps, pool.rng)
        return Selection(pool.unlabelled[highest(scores[pool.unlabelled], budget, pool.rng)])
