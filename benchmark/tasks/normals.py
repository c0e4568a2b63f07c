"""Surface normals: L1 of unit vectors and angular errors in degrees; the zero vector is invalid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from benchmark.tasks.constants import LEVELS, direction, levels
from benchmark.tasks.options import Options
from benchmark.tasks.task import Better, Meter, Task, mean_over_pixels

BINS_PER_DEGREE = 100


class NormalsOptions(Options):
    """By what the summed absolute differences are divided."""

    divisor: Literal["elements", "pixels"] = Field(
        "elements",
        description="three elements a pixel (Vandenhende et al. 2021), or pixels: a loss three times larger "
        "(Bruggemann et al. 2021, Ye & Xu 2022)",
    )


class Normals(Task):
    """A unit vector per pixel (float32, H x W x 3; batches hold B x 3 x H x W)."""

    kind = "direction"
    default_weight = 10.0
    better: ClassVar[Mapping[str, Better]] = {
        "mean_angle": "lower",
        "median_angle": "lower",
        "below_11": "higher",
        "below_22": "higher",
        "below_30": "higher",
    }
    options_model = NormalsOptions
    options: NormalsOptions

    @property
    def headline(self) -> str:
        """Mean angle."""
        return "mean_angle"

    @property
    def channels(self) -> int:
        """The vector, of any length."""
        return 3

    def encode(self, label: NDArray[Any]) -> NDArray[Any]:
        """Channels first."""
        return np.ascontiguousarray(label.transpose(2, 0, 1))

    def valid(self, label: Tensor) -> Tensor:
        """Pixels whose vector has a length."""
        return (label != 0).any(1)

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Absolute differences of the elements of the unit vectors over the ``divisor``."""
        difference = (unit_vectors(prediction) - label).abs()
        per_pixel = difference.mean(1) if self.options.divisor == "elements" else difference.sum(1)
        return mean_over_pixels(per_pixel, self.valid(label))

    def as_label(self, prediction: Tensor) -> Tensor:
        """The direction."""
        return unit_vectors(prediction)

    def summary(self, label: Tensor) -> Tensor:
        """Quantiles of each element of the valid vectors, one element after the other."""
        return torch.cat([levels(element) for element in label[:, (label != 0).any(0)]])

    def constant(self, summaries: Tensor) -> Tensor:
        """The unit vector nearest to all by absolute differences."""
        return direction(summaries.view(-1, 3, LEVELS).transpose(0, 1).flatten(1))

    def meter(self) -> Meter:
        """Mean and median angle, and the shares under 11.25, 22.5 and 30 degrees."""
        return AngleMeter()

    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """All zero vectors."""
        return np.zeros((3, height, width), np.float32)

    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """The usual (x, y, z) to (red, green, blue), -1..1 to 0..255."""
        return np.clip((label + 1) * 127.5, 0, 255).astype(np.uint8)

    def turned(self, label: Tensor, turn: Tensor) -> Tensor:
        """x and y turn with the image."""
        x, y, z = label.unbind(1)
        (xx, xy), (yx, yy) = (row.unbind(1) for row in turn[..., None, None].unbind(1))
        return torch.stack([xx * x + xy * y, yx * x + yy * y, z], 1)

    def unmirrored_prediction(self, prediction: Tensor) -> Tensor:
        """A mirror also turns x round."""
        return _x_negated(prediction.flip(-1))


class AngleMeter(Meter):
    """A histogram of the angles, fine enough for the median, and their sum."""

    def __init__(self) -> None:
        self.histogram: Tensor = torch.zeros(180 * BINS_PER_DEGREE + 1, dtype=torch.int64)
        self.total: Tensor = torch.zeros((), dtype=torch.float64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add one batch."""
        angle = angles(unit_vectors(prediction.double()), unit_vectors(label.double()))
        valid = (label != 0).any(1)
        bins = torch.where(valid, (angle * BINS_PER_DEGREE).long(), len(self.histogram))
        counts = torch.bincount(bins.flatten(), minlength=len(self.histogram) + 1)[:-1]
        self.histogram = self.histogram.to(counts.device) + counts
        self.total = self.total.to(counts.device) + torch.where(valid, angle, 0.0).sum()

    def compute(self) -> Mapping[str, float]:
        """Angles in degrees, shares in percent."""
        count = int(self.histogram.sum())
        if not count:
            return dict.fromkeys(
                ("mean_angle", "median_angle", "below_11", "below_22", "below_30"), float("nan")
            )
        below = self.histogram.cumsum(0)
        median = float(torch.searchsorted(below, count / 2)) / BINS_PER_DEGREE
        shares = {
            f"below_{int(limit)}": 100 * float(below[int(limit * BINS_PER_DEGREE) - 1]) / count
            for limit in (11.25, 22.5, 30)
        }
        return {"mean_angle": float(self.total) / count, "median_angle": median, **shares}


def unit_vectors(vectors: Tensor) -> Tensor:
    """Vectors (B x 3 x H x W) divided by their length; several times faster than torch's normalize here."""
    return vectors * (vectors.square().sum(1, keepdim=True) + 1e-12).rsqrt()


def angles(a: Tensor, b: Tensor) -> Tensor:
    """Angles in degrees between unit vectors (B x 3 x H x W), exact for small ones too (Kahan 2006)."""
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1)))


def _x_negated(vectors: Tensor) -> Tensor:
    x, y, z = vectors.unbind(1)  # a tensor of signs would have to be sent to the device
    return torch.stack([-x, y, z], 1)
