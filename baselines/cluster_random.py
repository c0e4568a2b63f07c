"""Random selection, stratified by clusters: a random that is harder to beat."""

from __future__ import annotations

import numpy as np

from baselines._features import Features, FeatureStrategy
from strategies import Pool, Selection, register
from strategies.interface import Positions
from strategies.kernels.lloyd import k_means
from strategies.score_normalisation import highest


@register(
    "cluster-random",
    source="proportional allocation (Bowley 1926; Neyman 1934), strata by k-means",
    family="random",
)
class ClusterRandom(FeatureStrategy):
    """Uniform within clusters of all images, each given its share of all labels.

    Labelled images count as drawn from their cluster already, so that together with them the draws are
    proportional to the clusters' sizes as nearly as whole images can be; remainders go to the largest.
    On walks of near-identical frames nearly every cluster is one walk or some whole ones. Its choices then
    hold more walks than random's (rooms-video, 40 walks, 40 of 400 frames: 32 against 26), though fewer than
    one frame a walk would, because a cluster's labels follow its frames and not its walks.
    strata: number of clusters.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(self, strata: int = 20, features: Features = "backbone") -> None:
        if strata < 1:
            raise ValueError(f"cluster-random: strata must be at least 1, not {strata}")
        super().__init__(features)
        self.strata = strata

    def select(self, pool: Pool, budget: int) -> Selection:
        """Each cluster's share of the budget, in random order."""
        _, stratum = k_means(self.vectors(pool), self.strata, rng=pool.rng)
        sizes = np.bincount(stratum)
        labelled = np.bincount(stratum[pool.labelled], minlength=len(sizes))
        shuffled = pool.rng.permutation(pool.unlabelled)
        shares = proportional_shares(sizes, labelled, budget, pool.rng)
        drawn = [shuffled[stratum[shuffled] == at][:share] for at, share in enumerate(shares)]
        return Selection(pool.rng.permutation(np.concatenate(drawn)))


def proportional_shares(
    sizes: Positions, drawn: Positions, budget: int, rng: np.random.Generator
) -> Positions:
    """How many to draw from each of K strata, ``budget`` in all, of 0 to ``sizes - drawn`` each.

    With the ``drawn`` ones they are proportional to ``sizes``. A stratum with more than its share already
    gets none, and the others divide what is left. Whole numbers by largest remainder, ties at random.
    """
    short = np.ones(len(sizes), np.bool_)
    while True:  # in units of 1 / sizes[short].sum(), so that all numbers are whole
        wanted = sizes * (budget + drawn[short].sum()) - drawn * sizes[short].sum()
        if (wanted[short] >= 0).all():
            break
        short &= wanted >= 0
    shares, remainder = np.divmod(np.where(short, wanted, 0), sizes[short].sum())
    shares[highest(remainder, budget - shares.sum(), rng)] += 1
    return np.asarray(shares, np.int64)
