"""BADGE: diverse and large gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies import Outputs, Pool, Selection, Strategy, TaskSpec, register
from strategies.kernels.k_means_plus_plus import k_means_plus_plus
from strategies.random_projection import projected

if TYPE_CHECKING:
    from torch import Tensor

GRADIENT = ".gradient "  # before a task's name, and no name of a task begins so


@register(
    "badge",
    source="Ash et al., ICLR 2020; for regression Holzmüller, Zaverkin, Kästner & Steinwart, JMLR 2023",
    family="hybrid",
)
class Badge(Strategy):
    """k-means++ on the gradients of all tasks' last layers, were each prediction its own label.

    A gradient is the mean over pixels of the product of the loss's slope and the layer's input. For
    categorical and binary tasks the slope is that of cross-entropy, taken at the refined prediction against
    its most likely class; regression has no such label: its slope is 1, and the mean features stand for it.
    Deviations: the features are those before the initial prediction, and slopes are averaged to their
    resolution; a gradient longer than ``length`` is projected onto that many random directions, always the
    same ones, which keeps most distances within a tenth; gradients are scaled so that all tasks' mean squared
    length is 1. The first image is uniformly random, as in k-means++, where the authors' code takes the
    largest gradient.
    labelled: start from the labelled images; the paper sees them only through the network.
    length: the most numbers that are kept of a task's gradient.
    """

    def __init__(self, labelled: bool = False, length: int = 256) -> None:
        if length < 1:
            raise ValueError("badge: length must be at least 1")
        self.from_labelled, self.length = labelled, length

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """A gradient per task (B x channels * features, or B x length)."""
        pairs = [
            (task, outputs.refined[task.name], outputs.task_features[task.name]) for task in outputs.tasks
        ]
        return {GRADIENT + pair[0].name: projected(gradients(*pair), self.length) for pair in pairs}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Draw images far from each other."""
        centres = pool.labelled if self.from_labelled else ()
        return Selection(
            k_means_plus_plus(self.vectors(pool), budget, centres, pool.unlabelled, rng=pool.rng)
        )

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The gradients of all N images, those of all tasks side by side and weighing the same."""
        return np.concatenate([scaled(pool.rows[GRADIENT + task.name]) for task in pool.tasks], axis=1)


def gradients(task: TaskSpec, logits: Tensor, features: Tensor) -> Tensor:
    """Gradients of the mean loss by a layer from features (B x d x h x w) to logits: B x C * d.

    The products of slopes and features are averaged, not they themselves: slopes of either sign cancel in
    their mean, and with it what is uncertain about an image.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    height, width = features.shape[2:]
    slope = adaptive_avg_pool2d(slopes(task, logits), (height, width)).flatten(2)
    product = torch.einsum("bcx,bdx->bcd", slope, features.flatten(2))
    return product.flatten(1) / slope.shape[2]


def slopes(task: TaskSpec, logits: Tensor) -> Tensor:
    """Slope of every pixel's loss by its logits (B x C x H x W), if the most likely class were true.

    Ones (B x 1 x H x W) for tasks of regression, and NaN where the logits are.
    """
    import torch

    if task.kind == "categorical":
        classes = torch.arange(logits.shape[1], device=logits.device)[:, None, None]
        return logits.softmax(1) - (logits.argmax(1, keepdim=True) == classes).float()
    if task.kind == "binary":
        return logits.sigmoid() - (logits > 0).float()
    return 1 + 0 * logits.mean(1, keepdim=True)


def scaled(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows (N x n) with a mean squared length of 1; all-zero ones stay."""
    squared = np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows)
    return (rows / np.sqrt(squared)).astype(rows.dtype) if squared > 0 else rows
