"""Human parts: semantic segmentation of people; images without parts are unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmark.tasks.semseg import ConfusionMeter, Semseg
from benchmark.tasks.task import IGNORE, Meter

#: The six parts of the multi-task literature (Maninis et al. 2019), after the background.
PARTS = ("background", "head", "torso", "upper arm", "lower arm", "upper leg", "lower leg")


class HumanParts(Semseg):
    """One of seven classes per pixel (uint8, H x W), the background among them."""

    default_weight = 2.0

    def __init__(
        self, name: str, classes: Sequence[str] = (), weight: float | None = None, **options: Any
    ) -> None:
        super().__init__(name, classes or PARTS, weight, **options)

    def meter(self) -> Meter:
        """As for classes, over the images that have parts (Maninis et al. 2019)."""
        return PartsMeter(self.channels)


class PartsMeter(ConfusionMeter):
    """Passes over images that are background alone: those would be most of what is counted."""

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        has_parts = ((label != 0) & (label != IGNORE)).flatten(1).any(1)
        super().update(prediction, torch.where(has_parts[:, None, None], label, IGNORE))
