"""Coverage of the informative images: typical and informative at once, where k-center seeks outliers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from baselines._feature_modifier import FeatureModifier
from baselines._features import Features
from baselines._unit_features import unit_length
from strategies import Pool, Selection, StrategyName, register
from strategies.coverage import most_covering
from strategies.kernels.neighbours import nearest_neighbours
from strategies.scoring import all_tasks, mean_rank

Width = Literal["spread", "labelled"]
#: Copies of one image are so far apart, or less: in another batch its features have other last digits.
SAME = 1e-4


@register(
    "cover",
    source="Bae, Oliveira & Sutherland, ICLR 2025 (Uncertainty Herding), for any score of any task",
    family="modifier",
)
class Cover(FeatureModifier):
    """The image that adds most to how well the images of high score are covered, again and again.

    The greedy maximum of the sum over unlabelled images of score^power times the similarity to the nearest
    labelled or chosen image: facility location with weights, of which the greedy choice has at least 1 - 1/e
    of the best. What weighs is the base's mean rank over tasks, from 0 to 1 over the unlabelled images.
    Similarity is exp(-(distance / width)^2) of features, averaged over pixels and put side by side,
    scaled to length 1, as in ``max-herding``, which this is where all scores are equal.
    Deviations: the paper weighs by one task's uncertainty, calibrated by a temperature that is fitted to some
    of the labels; here scores of several tasks, of which many are no probabilities, are made one by their
    ranks. Its features are those of a classifier, and its width shrinks (width=labelled).
    Its time grows with the square of the pool: take subsample[base=cover] beyond some 20,000 images.
    base: any strategy that chooses by a score per task.
    power: weight of the score; 0 is plain coverage, a large one covers the highest scores alone.
    width: spread, the features' root mean square distance from their mean; labelled, the smallest distance
    between two labelled images that differ, by which the paper goes from coverage to uncertainty as labels
    grow; among frames of one scene it is so small that scores alone choose. Where there are no two, it is
    the spread.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("inconsistency"),  # noqa: B008 - it is a string
        power: float = 1.0,
        width: Width = "spread",
        features: Features = "backbone",
    ) -> None:
        if power < 0:
            raise ValueError(f"cover: power must be 0 or more, not {power}")
        super().__init__(base, features)
        self.power, self.width = power, width

    def select(self, pool: Pool, budget: int) -> Selection:
        """Greedy maximum of the weighted coverage."""
        scores, vectors = self.scores(pool), unit_length(self.vectors(pool))
        weights = np.zeros(len(pool.ids))
        weights[pool.unlabelled] = mean_rank(pool, scores) ** self.power
        width = smallest_distance(vectors[pool.labelled]) if self.width == "labelled" else 0.0
        return Selection(most_covering(vectors, pool, budget, weights, width), all_tasks(pool, scores))


def smallest_distance(vectors: NDArray[Any]) -> float:
    """Between two rows of length 1 (n x d) that differ by more than rounding; 0 where there are none."""
    distinct = vectors[np.unique(vectors.round(5), axis=0, return_index=True)[1]]
    if len(distinct) < 2:
        return 0.0
    distances = nearest_neighbours(distinct, 1)[0]
    apart = distances[distances > SAME]
    return float(apart.min()) if len(apart) else 0.0
