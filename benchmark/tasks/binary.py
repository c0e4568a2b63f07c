"""What edge and saliency share: a yes or no per pixel and its balanced cross entropy."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from benchmark.tasks.options import Options
from benchmark.tasks.task import IGNORE, Task, mean_over_pixels

#: With ``balance: image``, so that an image without a positive pixel, or with nothing else, has a loss.
LEAST_WEIGHT = 0.01
#: What yes, and what no, weighs at least in a constant prediction: a set of labels may lack one of them.
LEAST_SHARE = 1e-4


class BinaryOptions(Options):
    """How positives are weighed against negatives."""

    positive_weight: float = Field(0.5, gt=0, lt=1, description="w, where balance is constant")
    balance: Literal["constant", "image"] = Field(
        "constant", description="w is positive_weight, or the share of negatives in the image itself"
    )


class BinaryTask(Task):
    """A yes or no per pixel (uint8 of 0, 1 and 255 for ignored, H x W).

    w weighs positives, 1 - w negatives (Xie & Tu 2015). It is a constant or each image's own share of
    negatives. Published code for saliency takes the share of the batch; that is not on offer, because an
    image's loss would depend on the images beside it, and sample weights need a loss of each image alone.
    """

    kind = "binary"
    options_model = BinaryOptions
    options: BinaryOptions

    @property
    def channels(self) -> int:
        """One logit."""
        return 1

    def valid(self, label: Tensor) -> Tensor:
        """Pixels that are not ignored."""
        return label != IGNORE

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Balanced binary cross entropy."""
        positive, valid = (label == 1).to(prediction.dtype), self.valid(label)
        w = self._weight_of_positives(positive, valid)
        weight = positive * w + (1 - positive) * (1 - w)
        entropy = F.binary_cross_entropy_with_logits(prediction[:, 0], positive, weight, reduction="none")
        return mean_over_pixels(entropy, valid)

    def _weight_of_positives(self, positive: Tensor, valid: Tensor) -> Tensor | float:
        if self.options.balance == "constant":
            return self.options.positive_weight
        negatives = mean_over_pixels(1 - positive, valid)
        return negatives.clamp(LEAST_WEIGHT, 1 - LEAST_WEIGHT)[:, None, None]

    def as_label(self, prediction: Tensor) -> Tensor:
        """Yes where its probability is over one half."""
        return (prediction[:, 0] > 0).to(torch.uint8)

    def summary(self, label: Tensor) -> Tensor:
        """What yes and no weigh in the image's loss (2)."""
        positive, valid = (label[None] == 1).double(), self.valid(label[None])
        w = self._weight_of_positives(positive, valid)
        return torch.cat(
            [mean_over_pixels(w * positive, valid), mean_over_pixels((1 - w) * (1 - positive), valid)]
        )

    def constant(self, summaries: Tensor) -> Tensor:
        """The logit of the share of yes as the loss weighs it; of a set without any it stays finite."""
        yes, no = summaries.mean(0).clamp(min=LEAST_SHARE).log()
        return torch.stack([yes - no])

    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """All ignored."""
        return np.full((height, width), IGNORE, np.uint8)

    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """White where yes, black where no, grey where ignored."""
        grey = np.where(label == IGNORE, 128, np.where(label == 1, 255, 0)).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)


def counts_at_thresholds(probability: Tensor, keep: Tensor, bins: int) -> Tensor:
    """How many kept pixels have a probability of at least k / bins, k = 0 .. bins (B x bins + 1, int64)."""
    level = (probability * bins).floor().clamp(0, bins).long()
    level = torch.where(keep, level, bins + 1).flatten(1)
    first = torch.arange(len(level), device=level.device)[:, None] * (bins + 2)
    histogram = torch.bincount((level + first).flatten(), minlength=len(level) * (bins + 2))
    return histogram.view(len(level), bins + 2)[:, :-1].flip(1).cumsum(1).flip(1)
