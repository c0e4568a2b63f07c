"""Contextual diversity: what a class is confused with differs from what is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from baselines._probabilities import discrete, probabilities
from strategies import Outputs, Pool, Selection, Strategy, TaskSpec, register
from strategies.interface import Positions
from strategies.kernels.k_center_by_distance import k_center_by_distance

if TYPE_CHECKING:
    from torch import Tensor

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
CONTEXT = ".context "  # before a task's name, and no name of a task begins so
LEAST = 1e-7  # a probability below counts as this: its logarithm is finite
EQUAL = 1e-9  # a divergence below is the rounding of its sums


@register("cdal", source="Agarwal, Arora, Anand & Arora, ECCV 2020 (CDAL-CS)", family="diversity")
class ContextualDiversity(Strategy):
    """Greedy k-center by contextual distance, started from all labelled images.

    An image has, for each class that it shows by its refined prediction, a mixture of the predictions of
    those pixels, weighted by their entropy. The distance of two images is the sum over classes that both show
    of the symmetric Kullback-Leibler divergence of their mixtures (the authors' code has the mean over them);
    images that share no class are at distance 0, as in the paper. Deviations: distances of all categorical
    and binary tasks are added; with nothing labelled the first image is random.
    """

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse tasks of which none predicts classes."""
        if not discrete(tasks):
            names = ", ".join(task.name for task in tasks)
            raise ValueError(
                f"there is a context for categorical and binary tasks only, and {names} are of other kinds"
            )

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One mixture for each class of each discrete task (B x C x C), zeros for a class not shown."""
        refined = outputs.refined
        return {CONTEXT + name: mixtures(probabilities(refined[name])) for name in discrete(outputs.tasks)}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Always the image farthest from everything labelled or chosen."""
        contexts = [Contexts(pool.rows[CONTEXT + name]) for name in discrete(pool.tasks)]

        def distances(images: slice, centres: Positions) -> Float32s:
            return sum((each.distances(images, centres) for each in contexts), np.zeros(1, np.float32))

        tickets = np.zeros(len(pool.ids))
        tickets[pool.unlabelled] = 1 - pool.rng.random(len(pool.unlabelled))
        # The products are small: a second BLAS thread gains little and costs much on a busy machine.
        with threadpool_limits(limits=1, user_api="blas"):
            return Selection(k_center_by_distance(distances, pool.labelled, budget, tickets))


def mixtures(p: Tensor) -> Tensor:
    """Entropy-weighted means of the pixels of each most likely class (B x C x C) from B x C x H x W."""
    import torch

    p = p.flatten(2)
    entropy: Tensor = torch.special.entr(p).sum(1, keepdim=True).clamp(min=LEAST)  # the sure ones count too
    classes = torch.arange(p.shape[1], device=p.device)[:, None]
    weights = (p.argmax(1, keepdim=True) == classes) * entropy
    return torch.einsum("bcx,bkx->bck", weights, p) / weights.sum(2, keepdim=True).clamp(min=LEAST / 2)


class Contexts:
    """The mixtures of N images for one task, and the distances between them."""

    def __init__(self, mixtures: NDArray[Any]) -> None:
        self.shown = (mixtures.sum(2) > 0).astype(np.float64)
        log = np.log(np.maximum(mixtures, LEAST)) * (self.shown[:, :, None] > 0)
        self.own: Float64s = np.einsum("nck,nck->nc", mixtures, log, dtype=np.float64)
        self.p, self.log = mixtures, log

    def distances(self, images: slice, centres: Positions) -> Float32s:
        """Of n images to m others (n x m), 0 for equal ones.

        Half the sum over classes of sum((p - q) * (log p - log q)), multiplied out, in float64. What equal
        images differ by in the last digits of a product, single precision does away with.
        """
        classes = np.flatnonzero(self.shown[centres].any(0))  # few, for one centre
        p, log = _flat(self.p[images], classes), _flat(self.log[images], classes)
        q, log_q = _flat(self.p[centres], classes), _flat(self.log[centres], classes)
        doubled = self.own[images] @ self.shown[centres].T + self.shown[images] @ self.own[centres].T
        doubled -= p @ log_q.T + log @ q.T
        return np.where(doubled < 2 * EQUAL, 0, doubled / 2).astype(np.float32)


def _flat(mixtures: NDArray[Any], classes: Positions) -> Float64s:
    """The mixtures of some classes as one row for each image (n x C x C to n x K C)."""
    return mixtures[:, classes].astype(np.float64).reshape(len(mixtures), -1)
