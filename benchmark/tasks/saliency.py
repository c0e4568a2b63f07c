"""Saliency: balanced cross entropy, maximal F-measure and mean intersection over union."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.tasks.binary import BinaryTask, counts_at_thresholds
from benchmark.tasks.task import IGNORE, Meter, ratio

BETA_SQUARED = 0.3  # Achanta et al. 2009
STEPS = 20  # thresholds .05, .10 .. .95


class Saliency(BinaryTask):
    """Does this pixel belong to the salient object?"""

    default_weight = 5.0
    default_positive_weight = 0.8

    def meter(self) -> Meter:
        """Both metrics that published tables mix: maxF and mean IoU."""
        return SaliencyMeter()


class SaliencyMeter(Meter):
    """Counts summed over images, per threshold: predicted, right, and labelled; and valid pixels."""

    def __init__(self) -> None:
        self.counts: Tensor = torch.zeros(2, STEPS + 1, dtype=torch.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        probability = prediction[:, 0].sigmoid()
        counts = torch.stack(
            [counts_at_thresholds(probability, keep, STEPS) for keep in (label != IGNORE, label == 1)]
        )
        self.counts = self.counts.to(counts.device) + counts

    def compute(self) -> Mapping[str, float]:
        """In percent; the IoU is the mean over object and background at threshold one half.

        As for classes, one that occurs in no label and no prediction is left out; maxF needs an object.
        """
        max_f = self._f_measure().max() if self.counts[1, 0] else float("nan")
        return {"max_f": 100 * float(max_f), "miou": 100 * float(self._iou().nanmean())}

    def _f_measure(self) -> Tensor:
        predicted, right = self.counts[:, 1:STEPS].double()
        precision, recall = ratio(right, predicted), ratio(right, self.counts[1, 0].double())
        return ratio((1 + BETA_SQUARED) * precision * recall, BETA_SQUARED * precision + recall)

    def _iou(self) -> Tensor:
        valid, labelled = self.counts[:, 0].double()
        predicted, right = self.counts[:, STEPS // 2].double()
        wrong = predicted + labelled - 2 * right
        hits = torch.stack([right, valid - right - wrong])
        iou: Tensor = hits / (hits + wrong)
        return iou
