"""How far several predictions of one image differ: the Jensen gap of a concave function, in running sums.

The gap is f(mean of the predictions) - mean of f(prediction). With the entropy for f it is the mutual
information of BALD, with minus the square it is the variance.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines._probabilities import DISCRETE, probabilities
from strategies.interface import Kind


class JensenGap:
    """Predictions of one task (B x C x H x W each) are added one by one; only their sum is kept.

    ``centre`` is any prediction near them: differences to it keep a small variance of large depths exact.
    """

    def __init__(self, kind: Kind, centre: Tensor) -> None:
        self.kind, self.centre = kind, centre
        self.sum, self.of_each = torch.zeros(()), torch.zeros(())
        self.count = 0

    def add(self, prediction: Tensor) -> None:
        """Take in one more prediction."""
        point = self._point(prediction)
        self.of_each = self._concave(point) + self.of_each
        self.sum = point.add_(self.sum)
        self.count += 1

    def value(self) -> Tensor:
        """The gap, mean over pixels (B): nats for classes, squared units for depth, 0..1 for directions."""
        return (self._concave(self.sum / self.count) - self.of_each / self.count).clamp(min=0)

    def _point(self, prediction: Tensor) -> Tensor:
        if self.kind in DISCRETE:
            return probabilities(prediction)
        return F.normalize(prediction, dim=1) if self.kind == "direction" else prediction - self.centre

    def _concave(self, point: Tensor) -> Tensor:
        values = torch.special.entr(point) if self.kind in DISCRETE else -point.square()
        return values.sum(1).mean((1, 2))
