"""Labels that several people made of one image, as one label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.resizing import IGNORE
from strategies.interface import Kind

Combine = Literal["any", "all", "majority", "mean", "median"]
Labels = Sequence[NDArray[Any]]

#: What each kind of task takes.
RULES: Mapping[Kind, tuple[Combine, ...]] = {
    "categorical": ("majority",),
    "binary": ("majority", "any", "all"),
    "scalar": ("median", "mean"),
    "direction": ("mean",),
}


def combined(labels: Labels, rule: Combine) -> NDArray[Any]:
    """One label of several of equal shape, in the formats of ``Sample``.

    Who says nothing of a pixel has no voice in it. ``any``: yes if one says yes; ``all``: yes if nobody says
    no; ``majority``: what most say, and ignored where two are level; ``mean``, ``median``: of numbers or
    directions. A single label stays as it is.
    """
    if len(labels) == 1:
        return labels[0]
    together: NDArray[Any] = _COMBINE[rule](np.stack(labels))
    return together


def _any(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _answered(votes, (votes == 1).any(0))


def _all(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _answered(votes, ~(votes == 0).any(0))


def _answered(votes: NDArray[np.uint8], yes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where((votes == IGNORE).all(0), IGNORE, yes).astype(np.uint8)


def _majority(votes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    kinds = np.setdiff1d(votes, [IGNORE])
    if not len(kinds):
        return np.full(votes.shape[1:], IGNORE, np.uint8)
    counts = np.stack([np.count_nonzero(votes == kind, axis=0) for kind in kinds])
    most = counts.max(0)
    is_clear = (most > 0) & (np.count_nonzero(counts == most, axis=0) == 1)
    return np.where(is_clear, kinds[counts.argmax(0)], IGNORE).astype(np.uint8)


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if values.ndim == 4:
        return _mean_direction(values)
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(0, dtype=np.float64), known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _mean_direction(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    total = vectors.sum(0, dtype=np.float64)
    length = np.linalg.norm(total, axis=2, keepdims=True)
    return np.where(length > 1e-3, total / np.maximum(length, 1e-3), 0).astype(np.float32)


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    middle = np.full(values.shape[1:], np.nan, np.float32)
    known = np.isfinite(values).any(0)
    middle[known] = np.nanmedian(values[:, known], axis=0)
    return middle


_COMBINE: Mapping[Combine, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "any": _any,
    "all": _all,
    "majority": _majority,
    "mean": _mean,
    "median": _median,
}
