"""Semantic segmentation: cross entropy and mIoU from summed counts; 255 is ignored in both."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from benchmark.tasks.colours import class_colours
from benchmark.tasks.constants import log_frequencies
from benchmark.tasks.task import IGNORE, Better, Meter, Task, mean_over_pixels
from strategies.classes_shown import rare_classes


class Semseg(Task):
    """One of several classes per pixel (uint8, H x W)."""

    kind = "categorical"
    better: ClassVar[Mapping[str, Better]] = {
        "miou": "higher",
        "accuracy": "higher",
        "miou_rare": "higher",
    }
    #: Classes that are rare in the pool, where that is known.
    rare: tuple[int, ...] = ()

    @property
    def headline(self) -> str:
        """mIoU."""
        return "miou"

    @property
    def channels(self) -> int:
        """One logit a class."""
        return len(self.classes)

    def valid(self, label: Tensor) -> Tensor:
        """Pixels that are not ignored."""
        return label != IGNORE

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Cross entropy."""
        entropy = F.cross_entropy(*_by_pixel(prediction, label.long()), ignore_index=IGNORE, reduction="none")
        return mean_over_pixels(entropy.view_as(label), self.valid(label))

    def as_label(self, prediction: Tensor) -> Tensor:
        """The most probable class."""
        return prediction.argmax(1).to(torch.uint8)

    def summary(self, label: Tensor) -> Tensor:
        """Shares of the classes."""
        counts = torch.bincount(label[label != IGNORE].long(), minlength=self.channels).double()
        return counts / counts.sum()

    def constant(self, summaries: Tensor) -> Tensor:
        """Logarithms of the classes' mean shares."""
        return log_frequencies(summaries)

    def beside(self, shares: NDArray[np.float64]) -> Self:
        """With the pool's rare classes (``strategies.classes_shown``), which have a metric of their own."""
        known = copy.copy(self)
        known.rare = tuple(rare_classes(shares).tolist())
        return known

    def meter(self) -> Meter:
        """Mean intersection over union, of rare classes too where there are any, and pixel accuracy."""
        return ConfusionMeter(self.channels, self.rare)

    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """All ignored."""
        return np.full((height, width), IGNORE, np.uint8)

    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """One colour a class, black where ignored."""
        colours: NDArray[np.uint8] = class_colours(self.channels)[label]
        return colours


class ConfusionMeter(Meter):
    """Confusion counts of all pixels seen (rows: label, columns: prediction)."""

    def __init__(self, classes: int, rare: Sequence[int] = ()) -> None:
        self.classes, self.rare = classes, list(rare)
        self.counts: Tensor = torch.zeros((), dtype=torch.int64)  # floats stop counting at 2**24

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        cell = label.long() * self.classes + prediction.argmax(1)
        cell = torch.where(label == IGNORE, self.classes**2, cell)
        counts = torch.bincount(cell.flatten(), minlength=self.classes**2 + 1)[:-1]
        self.counts = self.counts.to(counts.device) + counts.reshape(self.classes, self.classes)

    def compute(self) -> Mapping[str, float]:
        """Means are over the classes that occur in a label or a prediction; ``miou_rare`` over rare ones.

        NaN where none occurs.
        """
        if not self.counts.sum():
            return dict.fromkeys(("miou", "accuracy", *(["miou_rare"] if self.rare else [])), float("nan"))
        hits = self.counts.diagonal().double()
        union = (self.counts.sum(0) + self.counts.sum(1)).double() - hits
        iou = hits / union  # NaN, 0 / 0, where a class does not occur
        found = {"miou": 100 * float(iou[union > 0].mean())}
        found["accuracy"] = 100 * float(hits.sum() / self.counts.sum())
        if self.rare:
            found["miou_rare"] = 100 * float(iou[self.rare].nanmean())
        return found


def _by_pixel(prediction: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Where a pixel's logits lie side by side, as rows: a softmax along memory takes half the time."""
    if prediction.stride(1) != 1 or prediction.shape[1] == 1:
        return prediction, label
    return prediction.movedim(1, -1).flatten(0, 2), label.flatten()
