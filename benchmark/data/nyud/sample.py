"""From decoded arrays of NYUD-v2 to a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.checks.depth_units import not_metres
from benchmark.data.dataset import Sample
from benchmark.data.files.bad_file import BadFile
from benchmark.data.resizing import IGNORE, Shrink, resized_image, resized_label

TASKS = ("semseg", "depth", "normals", "edge")
Size = tuple[int, int] | None


def made_sample(
    image: NDArray[np.uint8], labels: Mapping[str, NDArray[Any]], size: Size, rules: Mapping[str, Shrink]
) -> Sample:
    """The sample in the size asked for, made smaller by a rule for each task that has one.

    Edges that have no files are the boundaries of classes.
    """
    if "edge" not in labels:
        labels = {**labels, "edge": boundaries(labels["semseg"])}
    resized = {task: resized_label(labels[task], size, rules.get(task, "nearest")) for task in TASKS}
    return Sample(resized_image(image, size), resized)


def as_image(values: NDArray[Any]) -> NDArray[np.uint8]:
    """An image of floats in 0..1 (H x W x 3) as bytes. Raises BadFile."""
    if values.dtype.kind != "f" or values.ndim != 3 or values.shape[2] != 3:
        raise BadFile("format", f"is {values.dtype} of shape {values.shape}, not H x W x 3 floats in 0..1")
    if not (values >= 0).all() or not (values <= 1 + 1e-6).all():
        raise BadFile("value", "holds values outside of 0..1, where an image should be")
    image: NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return image


def in_metres(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same depth. Raises BadFile for numbers that cannot be metres."""
    if wrong := not_metres(depth):
        raise BadFile("metres", wrong)
    return depth


def boundaries(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 where the class differs from that of the pixel to the right or below, 255 where there is none."""
    edge = np.zeros(classes.shape, np.uint8)
    known = classes != IGNORE
    edge[:, :-1] |= (classes[:, :-1] != classes[:, 1:]) & known[:, :-1] & known[:, 1:]
    edge[:-1] |= (classes[:-1] != classes[1:]) & known[:-1] & known[1:]
    return np.where(known, edge, IGNORE).astype(np.uint8)
