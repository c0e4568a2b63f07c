"""The unified representation: the features of all tasks in one vector per image (METHOD, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from strategies.interface import Outputs, Shapes

Pooling = Callable[[Outputs], Mapping[str, Tensor]]


def mean_pooled(outputs: Outputs) -> dict[str, Tensor]:
    """Every task's features averaged over pixels and L2-normalised, so that all tasks weigh the same."""
    return {
        task: F.normalize(features.mean((2, 3)), dim=1) for task, features in outputs.task_features.items()
    }


def map_pooled(outputs: Outputs, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every task's features averaged with the weights of its own map (B x H x W) and L2-normalised.

    The vector then describes the region where the map is high; an all-zero map weighs all pixels alike.
    """
    return {
        task: F.normalize(_weighted_mean(features, maps[task]), dim=1)
        for task, features in outputs.task_features.items()
    }


def _weighted_mean(features: Tensor, weights: Tensor) -> Tensor:
    small = F.interpolate(weights[:, None], features.shape[-2:], mode="area").clamp(min=0) + 1e-12
    return (features * small).sum((2, 3)) / small.sum((2, 3))


def concatenated(vectors: Mapping[str, Tensor]) -> Tensor:
    """All tasks' vectors side by side (B x sum of channels)."""
    return torch.cat(list(vectors.values()), 1)


def principal_components(rows: NDArray[Any], dimensions: int) -> NDArray[np.float32]:
    """Rows (N x d) projected onto their first principal components, at most min(N, d) of them."""
    centred = np.asarray(rows, np.float64)
    centred = centred - centred.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ axes[:dimensions].T, np.float32)


class Distillation(nn.Module):
    """An auto-encoder whose bottleneck must give back every task's vector.

    Its loss is the sum over tasks of 1 - cosine; what it says is ``unified`` (B x dimensions).
    """

    def __init__(self, shapes: Shapes, dimensions: int, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling
        channels = shapes.task_features
        hidden = max(dimensions, sum(channels.values()) // 2)
        self.encoder = nn.Sequential(
            nn.Linear(sum(channels.values()), hidden), nn.ReLU(), nn.Linear(hidden, dimensions)
        )
        self.decoders = nn.ModuleDict(
            {task: nn.Linear(dimensions, width) for task, width in channels.items()}
        )

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """The bottleneck."""
        return {"unified": self.encoder(concatenated(self.pooling(outputs)))}

    def loss(self, outputs: Outputs, task_losses: Tensor, generator: Generator) -> Tensor:
        """Mean over images of the sum over tasks of 1 - cosine; needs no label and no randomness."""
        del task_losses, generator
        vectors = self.pooling(outputs)
        unified = self.encoder(concatenated(vectors))
        lost = [1 - F.cosine_similarity(self.decoders[t](unified), vectors[t], dim=1) for t in vectors]
        return torch.stack(lost).sum(0).mean()
