"""Core-set selection on the features of a graph network that tells labelled from unlabelled images."""

from __future__ import annotations

from baselines._features import FeatureStrategy, standardised
from strategies import Pool, Selection, register
from strategies.kernels.diversity import k_center_greedy


@register("core-gcn", source="Caramalau, Bhattarai & Kim, CVPR 2021 (CoreGCN)", family="hybrid")
class CoreGCN(FeatureStrategy):
    """Greedy k-center on the hidden features of a graph network that tells labelled from unlabelled images.

    The network has two graph convolutions and is trained anew at every selection. Distances are between what
    its first one says, as in the paper; the code that its authors released takes the inputs. Deviations: the
    graph links nearest neighbours, and an image with itself, with equal weights, where the paper weighs every
    pair of images; features are the shared backbone's, averaged over pixels per stage and standardised, where
    the paper scales the vector of an image to length 1; all unlabelled images are candidates, where the
    authors' code draws some of them.
    Its time grows with the square of the pool: take subsample[base=core-gcn] beyond some 20,000 images.
    neighbours: how many nearest images an image is linked to.
    steps: training steps of the graph network.
    """

    def __init__(self, neighbours: int = 10, steps: int = 200) -> None:
        if neighbours < 1 or steps < 1:
            raise ValueError("core-gcn: neighbours and steps must be at least 1")
        self.neighbours, self.steps = neighbours, steps

    def select(self, pool: Pool, budget: int) -> Selection:
        """Always the image farthest, for the graph network, from everything labelled or chosen."""
        from baselines._graph_network import hidden_features

        features = standardised(self.vectors(pool))
        hidden = hidden_features(features, pool.labelled, self.neighbours, self.steps, pool.rng)
        return Selection(k_center_greedy(hidden, budget, labelled=pool.labelled, rng=pool.rng))
