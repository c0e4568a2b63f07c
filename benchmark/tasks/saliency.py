"""Saliency: balanced cross entropy, maximal F-measure and mean intersection over union."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from benchmark.tasks.binary import BinaryOptions, BinaryTask, counts_at_thresholds
from benchmark.tasks.task import IGNORE, Better, Meter, ratio

BETA_SQUARED = 0.3  # Achanta et al. 2009
STEPS = 20  # thresholds .05, .10 .. .95


class SaliencyOptions(BinaryOptions):
    """Balance of the loss, and which of the two published metrics speaks for the task."""

    positive_weight: float = Field(0.8, gt=0, lt=1, description="w, where balance is constant")
    headline: Literal["max_f", "miou"] = Field(
        "max_f", description="max_f (Bruggemann et al. 2021) or miou (Maninis et al. 2019); both are computed"
    )


class Saliency(BinaryTask):
    """Does this pixel belong to the salient object?"""

    default_weight = 5.0
    better: ClassVar[Mapping[str, Better]] = {"max_f": "higher", "miou": "higher"}
    options_model = SaliencyOptions
    options: SaliencyOptions

    @property
    def headline(self) -> str:
        """The chosen one."""
        return self.options.headline

    def meter(self) -> Meter:
        """Both metrics that published tables mix: maxF and mean IoU."""
        return SaliencyMeter()


class SaliencyMeter(Meter):
    """Pixel counts summed over images for maxF; the object's overlap summed over images for mean IoU."""

    def __init__(self) -> None:
        self.counts: Tensor = torch.zeros(2, STEPS + 1, dtype=torch.int64)
        self.overlaps: Tensor = torch.zeros(STEPS + 1, dtype=torch.float64)
        self.images: Tensor = torch.zeros((), dtype=torch.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        probability = prediction[:, 0].sigmoid()  # once: a second sigmoid would leave five thresholds
        valid = label != IGNORE
        predicted, right = (counts_at_thresholds(probability, keep, STEPS) for keep in (valid, label == 1))
        labelled = valid.flatten(1).any(1)
        overlap = torch.where(labelled[:, None], _overlap(predicted, right), 0)
        self.counts = self.counts.to(label.device) + torch.stack([predicted.sum(0), right.sum(0)])
        self.overlaps = self.overlaps.to(label.device) + overlap.sum(0)
        self.images = self.images.to(label.device) + labelled.sum()

    def compute(self) -> Mapping[str, float]:
        """In percent, each at its best threshold from .05 to .95; maxF needs an object."""
        max_f = self._f_measure().max() if self.counts[1, 0] else float("nan")
        miou = self.overlaps[1:STEPS].max() / self.images
        return {"max_f": 100 * float(max_f), "miou": 100 * float(miou)}

    def _f_measure(self) -> Tensor:
        predicted, right = self.counts[:, 1:STEPS].double()
        precision, recall = ratio(right, predicted), ratio(right, self.counts[1, 0].double())
        return ratio((1 + BETA_SQUARED) * precision * recall, BETA_SQUARED * precision + recall)


def _overlap(predicted: Tensor, right: Tensor) -> Tensor:
    """Intersection over union of the object (B x thresholds); 1 where there is none and none is predicted.

    Its mean over images is what Maninis et al. 2019 and successors call mIoU: the background is no class.
    """
    union = (predicted + right[:, :1] - right).double()
    return torch.where(union > 0, right / union.clamp(min=1), 1.0)
