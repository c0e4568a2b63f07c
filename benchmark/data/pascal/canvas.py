"""Images of many sizes on a canvas of one size, undistorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Sample
from benchmark.data.labels import IGNORE, resized_image, resized_label

MEAN_COLOUR = (124, 116, 104)  # what networks see as zero, for it is the mean of ImageNet


def on_canvas(sample: Sample, size: tuple[int, int]) -> Sample:
    """The sample in the upper left corner of a canvas of ``size`` (height, width).

    Larger images are shrunk until they fit, smaller ones are not magnified. The rest of the canvas is ignored
    by every label.
    """
    height, width = sample.image.shape[:2]
    share = min(1, size[0] / height, size[1] / width)
    shrunk = max(1, round(share * height)), max(1, round(share * width))
    canvas = np.full((*size, 3), MEAN_COLOUR, np.uint8)
    canvas[: shrunk[0], : shrunk[1]] = resized_image(sample.image, shrunk)
    return Sample(
        canvas, {task: _padded(resized_label(v, shrunk), size) for task, v in sample.labels.items()}
    )


def _padded(label: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    nothing = IGNORE if label.dtype == np.uint8 else 0  # classes and yes or no; directions
    padded = np.full((*size, *label.shape[2:]), nothing, label.dtype)
    padded[: label.shape[0], : label.shape[1]] = label
    return padded
