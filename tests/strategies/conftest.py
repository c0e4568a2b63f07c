"""Pools whose labels are bought by themselves."""

import numpy as np
import pytest
from label_pools import label_pool

from strategies.interface import TaskSpec

KINDS = ("categorical", "scalar", "direction", "binary")


@pytest.fixture(scope="session")
def labels_pool():
    """A pool of N images and T tasks with these labels, prices by task, and rows; no label by default."""

    def make(count=8, tasks=2, mask=None, prices=None, budget=1.0, rows=None, seed=0):
        mask = np.zeros((count, tasks), bool) if mask is None else mask
        each = np.ones(tasks) if prices is None else np.asarray(prices, float)
        specs = tuple(TaskSpec(f"task-{n}", KINDS[n % 4], 3, lambda p, t: p) for n in range(tasks))
        return label_pool(specs, mask, each / each.sum(), budget, rows, seed)

    return make
