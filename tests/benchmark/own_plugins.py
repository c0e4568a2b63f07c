"""Ramps of depth, and a task for them."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from benchmark.data.dataset import Sample
from benchmark.plugins import register_dataset, register_task
from benchmark.tasks import make_task
from benchmark.tasks.depth import Scalar, ScalarMeter
from benchmark.tasks.options import Options
from benchmark.tasks.task import Better


class RelativeOptions(Options):
    """How far a far pixel counts less."""

    power: float = 1.0


class ErrorMeter(ScalarMeter):
    """The mean absolute difference besides."""

    def __init__(self):
        super().__init__()
        self.sum, self.pixels = 0.0, 0

    def update(self, prediction, label):
        super().update(prediction, label)
        valid = label.isfinite()
        self.sum += float((prediction[:, 0] - label)[valid].double().abs().sum())
        self.pixels += int(valid.sum())

    def compute(self):
        return {**super().compute(), "mean_error": self.sum / self.pixels if self.pixels else float("nan")}


@register_task("relative_depth", source="me 2001")
class RelativeDepth(Scalar):
    """Depth whose far pixels count less."""

    better: ClassVar[Mapping[str, Better]] = {**Scalar.better, "mean_error": "lower"}
    options_model = RelativeOptions

    @property
    def headline(self):
        return "mean_error"

    def loss(self, prediction, label):
        return 1.0 * super().loss(prediction, label) / (1 + self.options.power)

    def meter(self):
        return ErrorMeter()


class Ramps:
    """Images whose brightness says the depth; every third has no label."""

    def __init__(self, part, count, step):
        self.ids = tuple(f"{part}-{index:03d}" for index in range(count))
        self.part, self.step = part, step

    def __getitem__(self, position):
        rng = np.random.default_rng([position, self.part == "val"])
        depth = (1 + self.step * rng.random() * np.mgrid[:32, :40].sum(0) / 70).astype(np.float32)
        image = np.repeat((80 * depth[..., None]).clip(0, 255).astype(np.uint8), 3, 2)
        return Sample(image, {"near": depth} if position % 3 != 2 else {})


@register_dataset("ramps", source="me 2001")
class RampsData:
    """Ramps of depth.

    step: how steep they are.
    """

    def __init__(self, folder, count: int = 12, step: float = 1.0, kind: Literal["near", "far"] = "near"):
        self.tasks = (make_task("near", task="relative_depth"),)
        self.train, self.val = Ramps("train", count, step), Ramps("val", 6, step)
        self.digest = f"{count} {step}"
        self.facts = {"folder": str(folder)}
