"""BADGE: diverse and large gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies import Outputs, Pool, Selection, Strategy, TaskSpec, register
from strategies.k_means import k_means_plus_plus_factored

if TYPE_CHECKING:
    from torch import Tensor

LEFT, RIGHT = ".left ", ".right "  # before a task's name, and no name of a task begins so


@register(
    "badge",
    source="Ash et al., ICLR 2020; for regression Holzmüller, Zaverkin, Kästner & Steinwart, JMLR 2023",
    family="hybrid",
)
class Badge(Strategy):
    """k-means++ on the gradients of all tasks' last layers, were each prediction its own label.

    A gradient is the product of the loss's slope and the layer's input. For categorical and binary tasks the
    slope is that of cross-entropy, taken at the refined prediction against its most likely class; regression
    has no such label: its slope is 1, and the features alone stand for it. Deviations: an image's mean slope
    times its mean features stand in for the mean of their products; the features are those before the initial
    prediction; gradients are scaled so that all tasks' mean squared length is 1. The first image is uniformly
    random, as in k-means++, where the authors' code takes the largest gradient.
    labelled: start from the labelled images; the paper sees them only through the network.
    """

    def __init__(self, labelled: bool = False) -> None:
        self.from_labelled = labelled

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Two factors per task: slopes (B x C, or B x 1) and features (B x d)."""
        rows = {}
        for task in outputs.tasks:
            rows[LEFT + task.name] = slopes(task, outputs.refined[task.name])
            rows[RIGHT + task.name] = outputs.task_features[task.name].mean((2, 3))
        return rows

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw images far from each other."""
        factors = [scaled(pool.rows[LEFT + t.name], pool.rows[RIGHT + t.name]) for t in pool.tasks]
        centres = pool.labelled if self.from_labelled else ()
        return Selection(k_means_plus_plus_factored(factors, budget, centres, pool.unlabelled, rng=pool.rng))


def slopes(task: TaskSpec, logits: Tensor) -> Tensor:
    """Slope of the mean loss by the logits (B x C x H x W), if the most likely class were true (B x C).

    Ones (B x 1) for tasks of regression, and NaN where the logits are.
    """
    import torch

    if task.kind == "categorical":
        classes = torch.arange(logits.shape[1], device=logits.device)[:, None, None]
        likely = logits.argmax(1, keepdim=True) == classes
        return (logits.softmax(1) - likely.float()).mean((2, 3))
    if task.kind == "binary":
        return (logits.sigmoid() - (logits > 0).float()).mean((2, 3))
    return 1 + 0 * logits.mean((1, 2, 3))[:, None]


def scaled(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Factors (N x c and N x d) whose products have a mean squared length of 1; all-zero ones stay."""
    squared = (np.square(left, dtype=np.float64).sum(1) * np.square(right, dtype=np.float64).sum(1)).mean()
    return (left / np.sqrt(squared)).astype(left.dtype) if squared > 0 else left, right
