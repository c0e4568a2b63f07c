"""Pools whose labels are bought by themselves."""

import numpy as np

from strategies.interface import Pool


def label_pool(tasks, mask, prices, budget, rows=None, seed=0):
    """A pool of images and tasks that has the labels of a mask, with prices by task."""
    mask = np.asarray(mask, bool)
    return Pool(
        tasks=tasks,
        ids=tuple(f"image-{at:05d}" for at in range(len(mask))),
        labelled=np.flatnonzero(mask.all(1)),
        unlabelled=np.flatnonzero(~mask.all(1)),
        rows=rows or {},
        round=0,
        budget_left=float(len(mask)),
        costs=np.tile(prices, (len(mask), 1)),
        rng=np.random.default_rng(seed),
        budget=budget,
        mask=mask,
    )
