"""Depth, and any other number per pixel: L1 and root mean square error; NaN is invalid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.tasks.colours import ramp
from benchmark.tasks.constants import levels
from benchmark.tasks.task import Better, Meter, Task, mean_over_pixels


class Scalar(Task):
    """One number per pixel (float32, H x W)."""

    kind = "scalar"
    better: ClassVar[Mapping[str, Better]] = {"rmse": "lower", "abs_rel": "lower"}

    @property
    def headline(self) -> str:
        """Root mean square error."""
        return "rmse"

    @property
    def channels(self) -> int:
        """The number itself."""
        return 1

    def valid(self, label: Tensor) -> Tensor:
        """Pixels with a finite value."""
        return label.isfinite()

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Absolute difference."""
        difference = (prediction[:, 0] - label.nan_to_num(0.0)).abs()
        return mean_over_pixels(difference, self.valid(label))

    def as_label(self, prediction: Tensor) -> Tensor:
        """The number itself."""
        return prediction[:, 0]

    def summary(self, label: Tensor) -> Tensor:
        """Quantiles of the valid values."""
        return levels(label[label.isfinite()])

    def constant(self, summaries: Tensor) -> Tensor:
        """The median, every image counting alike."""
        return summaries.flatten().median()[None]

    def meter(self) -> Meter:
        """Root mean square error over all valid pixels pooled, and the mean relative error."""
        return ScalarMeter()

    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """All invalid."""
        return np.full((height, width), np.nan, np.float32)

    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """Near is bright, far is dark, invalid is black."""
        return ramp(label)


class Depth(Scalar):
    """Metres from the camera (float32, H x W)."""

    def zoomed(self, label: Tensor, factor: Tensor) -> Tensor:
        """Magnifying by f looks like standing f times nearer: metres are divided by it."""
        return label / factor[:, None, None]


class ScalarMeter(Meter):
    """Sums of squared and of relative errors; nothing is relative to a true value of 0."""

    def __init__(self) -> None:
        self.sums: Tensor = torch.zeros(4, dtype=torch.float64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        valid = label.isfinite()
        truth = torch.where(valid, label, torch.ones_like(label)).double()
        error = torch.where(valid, (prediction[:, 0].double() - truth).abs(), 0.0)
        comparable = valid & (truth != 0)
        relative = torch.where(comparable, error / truth.abs(), 0.0)
        counts = valid.sum().double(), comparable.sum().double()
        self.sums = self.sums.to(error.device) + torch.stack([(error**2).sum(), relative.sum(), *counts])

    def compute(self) -> Mapping[str, float]:
        """In the units of the label (metres); the relative error is a share."""
        squared, relative, count, comparable = self.sums.tolist()
        rmse = float((squared / count) ** 0.5) if count else float("nan")
        return {"rmse": rmse, "abs_rel": relative / comparable if comparable else float("nan")}
