"""A data set in a package of its own."""

import numpy as np

from benchmark.data.dataset import Sample
from benchmark.plugins import register_dataset

from .tasks import LogDepth


@register_dataset("slopes", source="the plug-in example of mtal-benchmark")
class Slopes:
    """Planes that lead away from the viewer, darker the farther they are; some have no label.

    count: images to choose from.
    steepest: metres from the nearest to the farthest pixel, at most.
    """

    def __init__(self, folder, count: int = 24, steepest: float = 8.0):
        del folder  # where data lie: these are drawn
        self.tasks = (LogDepth("slope"),)
        self.train, self.val = Drawn("train", count, steepest), Drawn("val", 12, steepest)
        self.digest = "slopes, version 1"  # options and code are added


class Drawn:
    """A split that draws an image when it is asked for."""

    def __init__(self, part, count, steepest):
        self.part, self.steepest = part, steepest
        self.ids = tuple(f"{part}-{number:04d}" for number in range(count))

    def __getitem__(self, position):
        """The same each time."""
        rng = np.random.default_rng([position, self.part == "val"])
        towards, grid = rng.uniform(-1, 1, 2), np.mgrid[:48, :64] / 64
        slope = np.tensordot(towards, grid, 1)
        depth = 1 + self.steepest * rng.random() * (slope - slope.min())
        grey = 200 / depth + rng.normal(0, 4, depth.shape)
        image = np.repeat(grey[..., None], 3, 2).clip(0, 255).astype(np.uint8)
        return Sample(image, {} if position % 6 == 5 else {"slope": depth.astype(np.float32)})
