"""k-means: Lloyd's algorithm from a k-means++ start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.arrays import Features, Positions, checked_features
from strategies.kernels.k_means_plus_plus import DSquared


def k_means(
    features: ArrayLike, clusters: int, *, rng: np.random.Generator, iterations: int = 25
) -> tuple[Features, Positions]:
    """Centres (K x d) and the cluster of each of N points (N), by Lloyd's algorithm from a k-means++ start.

    It ends when no point changes its cluster, or after ``iterations`` rounds. Every cluster has a point, so K
    is less than ``clusters`` where there are fewer distinct points, or where a cluster lost its last one.
    scikit-learn does the rounds, on one thread, so that sums are taken in one order and an answer depends on
    ``rng`` alone. faiss is not used: it fills an empty cluster by splitting another in two, and so gives
    another answer.

    Raises ValueError unless ``features`` is N x d and finite with N >= 1, and both counts are at least 1.
    """
    points = checked_features(features)
    if len(points) == 0:
        raise ValueError("features have no rows, must have at least one to be clustered")
    if clusters < 1 or iterations < 1:
        raise ValueError(f"clusters is {clusters} and iterations is {iterations}, both must be at least 1")
    exponent = np.frexp(np.abs(points).max(initial=0))[1]
    scaled = np.ldexp(points, -exponent)  # exact, and squares neither under- nor overflow
    with threadpool_limits(limits=1):
        start = DSquared(scaled, np.arange(len(points)), np.arange(0), rng).draw(clusters)
        centres, cluster = _lloyd(scaled, scaled[start], iterations)
    kept, cluster = np.unique(cluster, return_inverse=True)
    return np.ldexp(centres[kept], exponent), cluster.astype(np.int64)


def _lloyd(points: Features, start: Features, iterations: int) -> tuple[Features, NDArray[Any]]:
    """Centres and the cluster of each point; overwrites the points."""
    from sklearn.cluster import KMeans  # a second to import

    # The state is not used, but where there is none, the global one is.
    rounds = {"max_iter": iterations, "tol": 0, "n_init": 1, "random_state": 0}
    algorithm = KMeans(len(start), init=start, copy_x=False, **rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer clusters than asked for: the caller drops the empty ones
        algorithm.fit(points)
    return algorithm.cluster_centers_, algorithm.labels_
