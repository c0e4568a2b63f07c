"""Predictions at some pixels of an image: what resizing to all of it would have there, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

KINDS = ("cpu", "cuda")  # of devices that compute; on meta there are shapes alone


@dataclass(frozen=True)
class Places:
    """The pixels of every ``step``-th row and column of an image of ``size``, which is padded to ``whole``.

    Resizing to fewer pixels reads a prediction between them, (step - 1) / 2 pixels from the labels of every
    step-th one.
    """

    whole: Sequence[int]
    size: Sequence[int]
    step: int = 1

    def of(self, prediction: Tensor) -> Tensor:
        """B x C x rows x columns of a map (B x C x h x w) that shows ``whole``; in float32."""
        rows, columns = (
            _weights(prediction, found, whole, size, self.step)
            for found, whole, size in zip(prediction.shape[-2:], self.whole, self.size, strict=True)
        )
        with without_autocast(prediction.device):
            across = F.linear(prediction.float(), columns)
            return F.linear(across.transpose(-1, -2), rows).transpose(-1, -2)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Everything in the precision that it is in, inside of autocast too."""
    return torch.autocast(device.type, enabled=False) if device.type in KINDS else nullcontext()


def _weights(of: Tensor, found: int, whole: int, size: int, step: int) -> Tensor:
    """What every wanted pixel takes of ``found`` ones, bilinearly, corners not aligned (wanted x found)."""
    wanted = torch.arange(0, size, step, device=of.device, dtype=torch.float64)
    places = ((wanted + 0.5) * (found / whole) - 0.5).clamp(0, found - 1)
    distance = places[:, None] - torch.arange(found, device=of.device)
    return (1 - distance.abs()).clamp_min(0).float()
