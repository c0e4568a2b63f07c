"""Pools of hand-made vectors."""

import numpy as np
import pytest

from strategies.contract import TASKS
from strategies.interface import Pool


@pytest.fixture
def pool_of():
    """A pool of N images with these rows, or with these vectors of the backbone's features."""

    def make(rows, labelled=(), seed=0, tasks=TASKS):
        rows = rows if isinstance(rows, dict) else {"vector": np.asarray(rows, np.float32)}
        count = len(next(iter(rows.values())))
        return Pool(
            tasks=tasks,
            ids=tuple(f"image-{at:05d}" for at in range(count)),
            labelled=np.array(labelled, np.int64),
            unlabelled=np.setdiff1d(np.arange(count), labelled),
            rows=rows,
            round=0,
            budget_left=count - len(labelled),
            costs=np.full((count, len(tasks)), 1 / len(tasks)),
            rng=np.random.default_rng(seed),
        )

    return make


@pytest.fixture
def blobs():
    """Well separated clusters of these sizes, in the plane or around it: vectors (N x d), which (N)."""

    def make(*sizes, width=2, seed=0):
        rng = np.random.default_rng(seed)
        which = np.repeat(np.arange(len(sizes)), sizes)
        angle = 2 * np.pi * np.arange(len(sizes)) / len(sizes)
        centres = np.zeros((len(sizes), width))
        centres[:, :2] = 100 * np.stack([np.cos(angle), np.sin(angle)], 1)
        return (centres[which] + rng.standard_normal((len(which), width))).astype(np.float32), which

    return make
