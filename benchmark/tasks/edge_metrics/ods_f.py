"""odsF, the F-measure of the BSDS protocol (Martin et al. 2004; Arbelaez et al. 2011), without MATLAB.

Probabilities are reduced to their ridges, cut at .01 to .99 and thinned; at each threshold predicted and
labelled pixels are matched one to one within reach; counts are summed over images, and the best threshold for
all images together gives the number. The protocol's matcher also minimises the distances of what it matches,
which changes no count: the *number* of matches alone is a maximum flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.tasks.edge_metrics.nms import ridges
from benchmark.tasks.edge_metrics.thinning import Mask, thinned
from benchmark.tasks.task import IGNORE, Meter, ratio

THRESHOLDS = 100  # .01, .02 .. .99
LEAST_REACH = 2.0  # pixels: on small images the protocol's share of the diagonal is less than one

Counts = NDArray[np.int64]


class OdsMeter(Meter):
    """Sums over images, per threshold, of predicted, matched and labelled pixels; works on the CPU."""

    def __init__(self, max_distance: float, nms: bool = True) -> None:
        self.max_distance, self.nms = max_distance, nms
        self.counts: Counts = np.zeros((3, THRESHOLDS - 1), np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch; images without a label cost nothing."""
        labelled = (label != IGNORE).flatten(1).any(1)
        probabilities = prediction[labelled, 0].detach().float().sigmoid().cpu().numpy()
        for probability, truth in zip(probabilities, label[labelled].cpu().numpy(), strict=True):
            self.counts += image_counts(probability, truth, self.max_distance, self.nms)

    def compute(self) -> Mapping[str, float]:
        """In percent, at the best threshold for all images; NaN without a labelled edge."""
        predicted, matched, labelled = torch.from_numpy(self.counts).double()
        if not labelled.sum():
            return {"ods_f": float("nan")}
        precision, recall = ratio(matched, predicted), ratio(matched, labelled)
        return {"ods_f": 100 * float(ratio(2 * precision * recall, precision + recall).max())}


def image_counts(
    probability: NDArray[np.float32], label: NDArray[np.uint8], max_distance: float, nms: bool = True
) -> Counts:
    """Predicted, matched and labelled pixels (3 x 99) of one image (H x W) at thresholds .01 to .99.

    ``max_distance`` is a share of the diagonal. Ignored pixels are never predicted. Labels are thinned too:
    the protocol takes them to be thin. Some 5 s at 425x560 with 7,000 edge pixels, over a minute with 28,000.
    """
    reach = max(LEAST_REACH, max_distance * float(np.hypot(*label.shape)))
    strength = ridges(probability) if nms else probability
    level = np.floor(np.where(label == IGNORE, 0, strength) * np.float32(THRESHOLDS)).astype(np.int64)
    truth = thinned(label == 1)
    counts = np.zeros((3, THRESHOLDS - 1), np.int64)
    counts[2] = truth.sum()
    present = set(np.unique(level).tolist())
    for k in range(1, THRESHOLDS):
        if k > 1 and k - 1 not in present:  # the same pixels as at the threshold before
            counts[:, k - 1] = counts[:, k - 2]
            continue
        predicted = thinned(level >= k)
        counts[:2, k - 1] = predicted.sum(), matches(predicted, truth, reach)
    return counts


def matches(predicted: Mask, labelled: Mask, reach: float) -> int:
    """The largest number of one-to-one pairs of set pixels at most ``reach`` pixels apart (H x W each)."""
    from scipy.sparse.csgraph import maximum_flow

    rows, columns = _pairs(predicted, labelled, reach)
    if not len(rows):
        return 0
    graph = _network(rows, columns)
    return int(maximum_flow(graph, 0, graph.shape[0] - 1, method="dinic").flow_value)


def _pairs(predicted: Mask, labelled: Mask, reach: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the predicted and of the labelled pixel of every pair within reach."""
    margin = int(reach)
    number = np.full(labelled.shape, -1)
    number[labelled] = np.arange(labelled.sum())
    number = np.pad(number, margin, constant_values=-1)
    steps = np.mgrid[-margin : margin + 1, -margin : margin + 1].reshape(2, -1)
    steps = steps[:, (steps**2).sum(0) <= reach**2]
    y, x = np.nonzero(predicted)
    near = number[y[:, None] + margin + steps[0], x[:, None] + margin + steps[1]]
    rows, where = np.nonzero(near >= 0)
    return rows, near[rows, where]


def _network(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Any:
    """Source, predicted pixels, labelled pixels, sink; every edge carries one pair."""
    from scipy.sparse import csr_array

    left, rows = np.unique(rows, return_inverse=True)
    right, columns = np.unique(columns, return_inverse=True)
    first, sink = 1 + len(left), 1 + len(left) + len(right)
    tails = np.concatenate([np.zeros(len(left), int), 1 + rows, np.arange(first, sink)])
    heads = np.concatenate([np.arange(1, first), first + columns, np.full(len(right), sink)])
    ones = np.ones(len(tails), np.int32)
    return csr_array((ones, (tails.astype(np.int32), heads.astype(np.int32))), shape=(sink + 1, sink + 1))
