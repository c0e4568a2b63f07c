"""What edge and saliency share: a yes or no per pixel and its balanced cross entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from benchmark.tasks.task import IGNORE, Task, mean_over_pixels


class BinaryTask(Task):
    """A yes or no per pixel (uint8 of 0, 1 and 255 for ignored, H x W).

    ``positive_weight`` w weighs positives, 1 - w negatives (Xie & Tu 2015). It is a constant and not the
    share of negatives in the batch, so that an image's loss does not depend on the images beside it.
    """

    kind = "binary"
    default_positive_weight: ClassVar[float]

    def __init__(
        self,
        name: str,
        classes: Sequence[str] = (),
        weight: float | None = None,
        positive_weight: float | None = None,
    ) -> None:
        super().__init__(name, classes, weight)
        self.positive_weight = self.default_positive_weight if positive_weight is None else positive_weight

    @property
    def channels(self) -> int:
        """One logit."""
        return 1

    def valid(self, label: Tensor) -> Tensor:
        """Pixels that are not ignored."""
        return label != IGNORE

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Balanced binary cross entropy."""
        positive = (label == 1).to(prediction.dtype)
        weight = positive * self.positive_weight + (1 - positive) * (1 - self.positive_weight)
        entropy = F.binary_cross_entropy_with_logits(prediction[:, 0], positive, weight, reduction="none")
        return mean_over_pixels(entropy, self.valid(label))

    def as_label(self, prediction: Tensor) -> Tensor:
        """Yes where its probability is over one half."""
        return (prediction[:, 0] > 0).to(torch.uint8)

    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """All ignored."""
        return np.full((height, width), IGNORE, np.uint8)

    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """White where yes, black where no, grey where ignored."""
        grey = np.where(label == IGNORE, 128, np.where(label == 1, 255, 0)).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)


def counts_at_thresholds(probability: Tensor, keep: Tensor, bins: int) -> Tensor:
    """For k = 0 .. bins: how many kept pixels have probability of at least k / bins (bins + 1 counts)."""
    level = (probability * bins).floor().clamp(0, bins).long()
    level = torch.where(keep, level, bins + 1)
    histogram = torch.bincount(level.flatten(), minlength=bins + 2)[:-1]
    return histogram.flip(0).cumsum(0).flip(0)
