"""LCMD: the farthest image of the largest cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from baselines._features import FeatureStrategy
from baselines.badge import Badge
from strategies import Outputs, Pool, Selection, Strategy, register
from strategies.kernels.largest_cluster import largest_cluster_max_distance

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "lcmd",
    source="Holzmüller, Zaverkin, Kästner & Steinwart, JMLR 2023 (LCMD)",
    family="hybrid",
)
class LargestClusterMaximumDistance(Strategy):
    """Farthest from its centre in the largest cluster, labelled and chosen images being the centres.

    An image belongs to the nearest centre, and a cluster is as large as its squared distances add up to: that
    is k-center which does not go to an outlier where many images are badly covered. Labelled images are
    centres too (the paper's mode TP). With nothing labelled the first is the longest vector, as in the
    authors' code.
    Deviations: the paper compares by sketched gradients of all layers of a network with one output; here
    images are compared by those of the tasks' last layers, as ``badge`` has them (gradient): mean features
    for depth and normals, and the gradient against the most likely class for tasks of classes. Or by
    features, averaged over pixels.
    features: gradient, or those of the network's backbone, or of its frozen, pre-trained trunk, the same in
    every round (trunk), or of the tasks' heads, each task's of length 1 (tasks).
    length: the most numbers that are kept of a task's gradient.
    """

    def __init__(
        self, features: Literal["gradient", "backbone", "trunk", "tasks"] = "gradient", length: int = 256
    ) -> None:
        if length < 1:
            raise ValueError("lcmd: length must be at least 1")
        self.source: Badge | FeatureStrategy = (
            Badge(length=length) if features == "gradient" else FeatureStrategy(features)
        )
        self.frozen_trunk = self.source.frozen_trunk

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """A gradient per task, or one vector of features."""
        return self.source.measure(outputs)

    def select(self, pool: Pool, budget: int) -> Selection:
        """One image at a time."""
        vectors = self.source.vectors(pool)
        return Selection(
            largest_cluster_max_distance(vectors, budget, pool.labelled, pool.unlabelled, rng=pool.rng)
        )
