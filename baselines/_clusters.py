"""What strategies of clusters share."""

from __future__ import annotations

import numpy as np

from strategies.interface import Positions


def members(cluster: Positions) -> list[Positions]:
    """Positions of the points of each cluster, in order, from the cluster (0, 1, ...) of each of N points."""
    order = np.argsort(cluster, kind="stable")
    return np.split(order, np.cumsum(np.bincount(cluster))[:-1])
