"""A task in a package of its own."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from benchmark.plugins import register_task
from benchmark.tasks.depth import Scalar, ScalarMeter
from benchmark.tasks.task import Better, mean_over_pixels

LARGEST = 20.0  # of a logarithm: its exponential is still a number


@register_task("log_depth", source="Eigen, Puhrsch & Fergus, NeurIPS 2014, section 3.2")
class LogDepth(Scalar):
    """Metres (float32, H x W, NaN where nothing was measured), predicted as their logarithm."""

    better: ClassVar[Mapping[str, Better]] = {**Scalar.better, "si_log": "lower"}

    @property
    def headline(self):
        """The scale-invariant error."""
        return "si_log"

    def loss(self, prediction, label):
        """Absolute difference of logarithms."""
        valid = self.valid(label)
        return mean_over_pixels((prediction[:, 0] - label.where(valid, 1.0).log()).abs(), valid)

    def as_label(self, prediction):
        """Metres again."""
        return prediction[:, 0].clamp(max=LARGEST).exp()

    def constant(self, summaries):
        """The logarithm of the median."""
        return super().constant(summaries).log()

    def meter(self):
        """The metrics of numbers, in metres, and the scale-invariant error."""
        return LogMeter()


class LogMeter(ScalarMeter):
    """Mean over images of the standard deviation of differences of logarithms, besides."""

    def __init__(self):
        super().__init__()
        self.deviations, self.images = 0.0, 0

    def update(self, prediction, label):
        """Take in one batch."""
        super().update(prediction.clamp(max=LARGEST).exp(), label)
        for one, depth in zip(prediction[:, 0].double(), label.double(), strict=True):
            valid = depth.isfinite()
            if valid.any():
                difference = one[valid] - depth[valid].log()
                self.deviations += float(torch.var(difference, correction=0).sqrt())
                self.images += 1

    def compute(self):
        """NaN where no image has a label."""
        mean = self.deviations / self.images if self.images else float("nan")
        return {**super().compute(), "si_log": mean}
