"""Edges: balanced cross entropy and a cheap F-measure with a tolerance; the real one on request.

``edge_f`` stands in for the BSDS protocol's odsF and is never called that: nothing is thinned, and pixels are
not matched one to one. ``ods_f`` is computed beside it where ``options.ods_f`` asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from benchmark.tasks.binary import BinaryOptions, BinaryTask, counts_at_thresholds
from benchmark.tasks.edge_metrics.ods_f import OdsMeter
from benchmark.tasks.task import IGNORE, Better, Meter, ratio

THRESHOLDS = 100


class EdgeOptions(BinaryOptions):
    """Balance of the loss, tolerance of the metrics, and whether odsF is computed."""

    positive_weight: float = Field(
        0.95, gt=0, lt=1, description="w, where balance is constant; Bruggemann et al. 2021: 0.8 on NYUD"
    )
    max_distance: float = Field(
        0.011,
        gt=0,
        le=0.1,
        description="reach of a match as a share of the diagonal: 0.011 on NYUD, 0.0075 on PASCAL",
    )
    ods_f: bool = Field(False, description="compute odsF at every evaluation: 2 to 10 seconds an image")
    nms: bool = Field(True, description="suppress what is no ridge of the probability before odsF's matching")


class Edge(BinaryTask):
    """Is this pixel on an edge?"""

    default_weight = 50.0
    better: ClassVar[Mapping[str, Better]] = {"edge_f": "higher", "ods_f": "higher"}
    options_model = EdgeOptions
    options: EdgeOptions

    @property
    def headline(self) -> str:
        """OdsF where it is computed, its stand-in otherwise."""
        return "ods_f" if self.options.ods_f else "edge_f"

    def meter(self) -> Meter:
        """The best F-measure over thresholds .01 to .99, counts summed over images; odsF if asked for."""
        cheap = EdgeMeter(self.options.max_distance)
        if not self.options.ods_f:
            return cheap
        return _Both(cheap, OdsMeter(self.options.max_distance, self.options.nms))


class EdgeMeter(Meter):
    """A predicted edge pixel is right within reach of a labelled one, and the other way round."""

    def __init__(self, max_distance: float) -> None:
        self.max_distance = max_distance
        self.counts: Tensor = torch.zeros(4, THRESHOLDS + 1, dtype=torch.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        probability = prediction[:, 0].sigmoid()
        valid, edge = label != IGNORE, label == 1
        probability = torch.where(valid, probability, 0.0)
        diagonal = (label.shape[-1] ** 2 + label.shape[-2] ** 2) ** 0.5
        reach = max(2, round(self.max_distance * diagonal))
        near_edge = _dilated(edge.float(), reach) > 0
        found = _dilated(probability, reach)
        pairs = ((probability, valid), (probability, valid & near_edge), (found, edge), (found * 0 + 1, edge))
        counts = torch.stack([counts_at_thresholds(p, keep, THRESHOLDS).sum(0) for p, keep in pairs])
        self.counts = self.counts.to(counts.device) + counts

    def compute(self) -> Mapping[str, float]:
        """In percent."""
        predicted, right, found, labelled = self.counts[:, 1:THRESHOLDS].double()
        if not labelled.sum():
            return {"edge_f": float("nan")}
        precision, recall = ratio(right, predicted), ratio(found, labelled)
        return {"edge_f": 100 * float(ratio(2 * precision * recall, precision + recall).max())}


class _Both(Meter):
    """The metrics of two meters."""

    def __init__(self, first: Meter, second: Meter) -> None:
        self.meters = (first, second)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        for meter in self.meters:
            meter.update(prediction, label)

    def compute(self) -> Mapping[str, float]:
        first, second = self.meters
        return {**first.compute(), **second.compute()}


def _dilated(values: Tensor, reach: int) -> Tensor:
    """The largest value within ``reach`` pixels (chessboard distance) of every pixel."""
    rows = F.max_pool2d(values[:, None], (1, 2 * reach + 1), stride=1, padding=(0, reach))
    return F.max_pool2d(rows, (2 * reach + 1, 1), stride=1, padding=(reach, 0))[:, 0]  # exact, 4 times faster
