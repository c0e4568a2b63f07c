"""Proportional stratification: any score's choice, without a shift of what the choice is made from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from baselines._clusters import members
from baselines._feature_modifier import FeatureModifier
from baselines._features import Features
from baselines.k_means import central
from strategies import Pool, ScoreStrategy, Selection, StrategyName, register
from strategies.interface import Positions, Scores
from strategies.kernels.lloyd import k_means
from strategies.score_normalisation import highest
from strategies.scoring import all_tasks, mean_rank

Within = Literal["random", "score", "centre"]


@register(
    "stratified",
    source="proportional allocation (Bowley 1926; Neyman 1934), seats by systematic sampling (Madow 1949)",
    family="modifier",
)
class Stratified(FeatureModifier):
    """Clusters get seats by their size, and the base chooses for each cluster alone.

    What prefers some images trains on other data than it is evaluated on. Here the mix of clusters stays that
    of the unlabelled images, whatever is preferred within. Strata are k-means clusters of all images, by
    their features, averaged over pixels and put side by side. Seats are budget * share of the unlabelled
    images, rounded up or down at random so that they are right in expectation: with within=random every
    unlabelled image is chosen with probability budget / N, as by random selection, and the variance between
    clusters is gone. By largest remainder a cluster whose remainder is small would never get a seat for it.
    Images that are labelled help to form the clusters, and neither have nor cost a seat: from a random first
    set on, the labels of all rounds stay proportional.
    ``cluster-random`` differs: it counts labelled images as drawn from their cluster already, so it makes up
    for earlier rounds and prefers images of clusters with few labels; it rounds by largest remainder; and
    within a cluster it is always random.
    base: any strategy that chooses by a score per task; asked for nothing unless within=score.
    strata: number of clusters.
    within: score, the images of highest score, by mean rank over tasks among all unlabelled images; random;
    centre, the nearest to the centres of as many parts of the cluster as it has seats, by k-means again.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("inconsistency"),  # noqa: B008 - it is a string
        strata: int = 20,
        within: Within = "score",
        features: Features = "backbone",
    ) -> None:
        if strata < 1:
            raise ValueError(f"stratified: strata must be at least 1, not {strata}")
        super().__init__(base, features)
        self.strata, self.within = strata, within
        if within != "score":
            self.follow(ScoreStrategy())  # which has no score, and wants nothing

    def select(self, pool: Pool, budget: int) -> Selection:
        """The seats of each stratum, in random order."""
        vectors = self.vectors(pool)
        stratum = k_means(vectors, self.strata, rng=pool.rng)[1][pool.unlabelled]
        scores = self.scores(pool) if self.within == "score" else {}
        height = mean_rank(pool, scores) if scores else np.zeros(len(stratum))
        seats = seats_by_size(np.bincount(stratum), budget, pool.rng)
        chosen = [
            those[self._best(vectors[pool.unlabelled[those]], height[those], seats[at], pool.rng)]
            for at, those in enumerate(members(stratum))
            if seats[at]
        ]
        indices = pool.unlabelled[pool.rng.permutation(np.concatenate(chosen))]
        return Selection(indices, all_tasks(pool, scores) if scores else None)

    def _best(self, vectors: NDArray[Any], height: Scores, count: int, rng: np.random.Generator) -> Positions:
        if self.within == "centre":
            return central(vectors, count, rng)
        return highest(height, count, rng)  # random where all are level


def seats_by_size(sizes: Positions, budget: int, rng: np.random.Generator) -> Positions:
    """Of ``budget`` seats those of K strata, each budget * its share of all sizes, rounded up or down.

    Strata stand in random order on a line, as long as they are large, and every N / budget there is a seat,
    the first at random. So each is right in expectation, exactly: all numbers are whole.
    """
    order, total = rng.permutation(len(sizes)), int(sizes.sum())
    ends = (np.cumsum(sizes[order]) * budget + rng.integers(total)) // total
    seats = np.empty_like(ends)
    seats[order] = np.diff(ends, prepend=0)
    return seats
