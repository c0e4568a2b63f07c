"""Edges: balanced cross entropy and a cheap F-measure with a tolerance.

``edge_f`` stands in for the BSDS protocol's odsF and is never called that: nothing is thinned, and pixels are
not matched one to one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.tasks.binary import BinaryTask, counts_at_thresholds
from benchmark.tasks.task import IGNORE, Meter, ratio

THRESHOLDS = 100
REACH = 0.011  # of the diagonal: what the BSDS protocol allows on NYUD


class Edge(BinaryTask):
    """Is this pixel on an edge?"""

    default_weight = 50.0
    default_positive_weight = 0.95

    def meter(self) -> Meter:
        """The best F-measure over thresholds .01 to .99, counts summed over images."""
        return EdgeMeter()


class EdgeMeter(Meter):
    """A predicted edge pixel is right within reach of a labelled one, and the other way round."""

    def __init__(self) -> None:
        self.counts: Tensor = torch.zeros(4, THRESHOLDS + 1, dtype=torch.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        probability = prediction[:, 0].sigmoid()
        valid, edge = label != IGNORE, label == 1
        probability = torch.where(valid, probability, 0.0)
        reach = max(2, round(REACH * (label.shape[-1] ** 2 + label.shape[-2] ** 2) ** 0.5))
        near_edge = _dilated(edge.float(), reach) > 0
        found = _dilated(probability, reach)
        pairs = ((probability, valid), (probability, valid & near_edge), (found, edge), (found * 0 + 1, edge))
        counts = torch.stack([counts_at_thresholds(p, keep, THRESHOLDS) for p, keep in pairs])
        self.counts = self.counts.to(counts.device) + counts

    def compute(self) -> Mapping[str, float]:
        """In percent."""
        predicted, right, found, labelled = self.counts[:, 1:THRESHOLDS].double()
        if not labelled.sum():
            return {"edge_f": float("nan")}
        precision, recall = ratio(right, predicted), ratio(found, labelled)
        return {"edge_f": 100 * float(ratio(2 * precision * recall, precision + recall).max())}


def _dilated(values: Tensor, reach: int) -> Tensor:
    """The largest value within ``reach`` pixels (chessboard distance) of every pixel."""
    return F.max_pool2d(values[:, None], 2 * reach + 1, stride=1, padding=reach)[:, 0]
