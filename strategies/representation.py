"""The unified representation: a vector per task and image, and ways to make one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from strategies.interface import Outputs
from strategies.kernels.arrays import Float64s

BLOCK = 512  # rows or columns in one pass, so that no temporary is as large as the rows


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


def principal_components(rows: NDArray[Any], dimensions: int) -> NDArray[np.float32]:
    """Rows (N x d) projected onto their first principal components, at most min(N, d) of them.

    From the eigenvectors of the d x d covariance, or of the N x N products where there are fewer rows than
    that: in float64, some rows at a time, and beside the result in memory for that matrix alone.
    """
    middle, kept = rows.mean(0, dtype=np.float64), min(dimensions, *rows.shape)
    blocks = [slice(at, at + BLOCK) for at in range(0, len(rows), BLOCK)]
    if len(rows) < rows.shape[1]:
        return _components_of_products(rows, middle, kept)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for block in blocks:
        centred = rows[block] - middle
        covariance += centred.T @ centred
    axes = _leading(covariance, kept)[1]
    return np.concatenate([((rows[block] - middle) @ axes).astype(np.float32) for block in blocks])


def _components_of_products(rows: NDArray[Any], middle: Float64s, kept: int) -> NDArray[np.float32]:
    """The same, from the products of all pairs of few rows."""
    columns = [slice(at, at + BLOCK) for at in range(0, rows.shape[1], BLOCK)]
    products = np.zeros((len(rows), len(rows)))
    for some in columns:
        centred = rows[:, some] - middle[some]
        products += centred @ centred.T
    values, vectors = _leading(products, kept)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float32)


def _leading(symmetric: Float64s, kept: int) -> tuple[Float64s, Float64s]:
    """Its ``kept`` largest eigenvalues, falling, and their vectors as columns; what it held is lost."""
    from scipy.linalg import eigh  # takes a while to import

    last = len(symmetric) - 1
    values, vectors = eigh(symmetric, overwrite_a=True, subset_by_index=(last - kept + 1, last))
    return values[::-1], vectors[:, ::-1]
