"""NORIS, reconstructed: images that are informative, and not like others that are and come before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies import Modifier, Outputs, Pool, Selection, StrategyName, register
from strategies.coverage import spread
from strategies.interface import Positions, Scores
from strategies.kernels.arrays import squared_distances
from strategies.scoring import all_tasks, mean_rank

if TYPE_CHECKING:
    from torch import Tensor

VECTOR = ".vector "  # before a task's name, and no name of a task begins so


@register(
    "noris",
    source="Hekimoglu et al. 2023, arXiv 2307.08414 (NORIS); reconstructed from the abstract",
    family="modifier",
)
class Noris(Modifier):
    """The image with the most information left, which then takes from all that are like it, again and again.

    From the abstract: the impact of training with a sample on the informativeness of other, similar samples
    is quantified; chosen is what is informative and distant from other highly informative samples; distances
    are those of features of the regions of detected objects, and not of the whole image.
    Ours, for that is all that is public here: informativeness is the base's mean rank over tasks, from 0 to 1
    over the unlabelled images; a chosen image leaves of another one's the share 1 - exp(-(distance /
    width)^2), so that the sum over the chosen of what was left of each is their collective information, which
    is maximised greedily; what is labelled already takes nothing, because the network was trained with it and
    scores know; there are no detected objects, so features are those of every task, averaged with the weights
    of the map in which the base sees what it scores, if it has one of every task, and else over all pixels.
    base: any strategy that chooses by a score per task.
    width: of the similarity, each task's vector being of length 1; 0 takes the vectors' root mean square
    distance from their mean.
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("inconsistency"),  # noqa: B008 - it is a string
        width: float = 0.0,
    ) -> None:
        if width < 0:
            raise ValueError(f"noris: width must be 0 or more, not {width}")
        super().__init__(base)
        self.width = width

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures, and a vector for every task (B x channels)."""
        from strategies.representation import map_pooled, mean_pooled

        maps = self.base.maps(outputs)
        by_maps = maps.keys() >= outputs.task_features.keys()
        vectors = map_pooled(outputs, maps) if by_maps else mean_pooled(outputs)
        return {**super().measure(outputs), **{VECTOR + task: vector for task, vector in vectors.items()}}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Greedily, among the unlabelled images."""
        scores = self.scores(pool)
        informative = mean_rank(pool, scores)
        vectors = np.concatenate([pool.rows[VECTOR + task.name] for task in pool.tasks], 1)
        width = self.width or spread(vectors) or 1.0
        chosen = non_redundant(vectors[pool.unlabelled], informative, budget, width, pool.rng)
        return Selection(pool.unlabelled[chosen], all_tasks(pool, scores))


def non_redundant(
    vectors: NDArray[Any], informative: Scores, budget: int, width: float, rng: np.random.Generator
) -> Positions:
    """Greedy choice of ``budget`` of n images by what is left of their informativeness, ties at random.

    Each one chosen multiplies that of the others by 1 - exp(-(distance / width)^2). ``vectors`` are n x d.
    """
    left, tickets = informative.astype(np.float64), rng.random(len(informative))
    chosen: list[int] = []
    for _ in range(budget):
        best = np.flatnonzero(left == left.max())
        chosen.append(int(best[tickets[best].argmax()]))
        left *= -np.expm1(-squared_distances(vectors, vectors[chosen[-1]]) / width**2)
        left[chosen] = -1
    return np.array(chosen, np.int64)
