"""Images and labels brought to another size, and images of many sizes onto a canvas of one.

Labels shrink by one of three rules. ``nearest`` takes the pixel under the centre. ``any`` is for yes and no
where yes is thin: a pixel is yes if one of those that it stands for is. ``majority`` takes the class that
covers most of the pixel's area. Magnified labels are the nearest pixel by each rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.dataset import Sample

IGNORE = 255  # as Sample says
MEAN_COLOUR = (124, 116, 104)  # what networks see as zero, for it is the mean of ImageNet
Shrink = Literal["nearest", "any", "majority"]
Size = tuple[int, int]

#: From no, yes and ignored to ranks: what is unknown may be a yes, so it outweighs a no.
_RANK = np.zeros(256, np.uint8)
_RANK[[1, IGNORE]] = 2, 1
_VALUE = np.array([0, IGNORE, 1], np.uint8)


def resized_image(image: NDArray[np.uint8], size: Size | None) -> NDArray[np.uint8]:
    """The image at size (height, width), bilinear, antialiased where it shrinks."""
    if size is None or image.shape[:2] == size:
        return image
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resized_label(label: NDArray[Any], size: Size | None, shrink: Shrink = "nearest") -> NDArray[Any]:
    """The label (H x W ...) at size (height, width), by a rule for pixels that come to share a place."""
    if size is None or label.shape[:2] == size:
        return label
    if shrink == "any":
        return _VALUE.take(_largest(_largest(_RANK.take(label), size[0], 0), size[1], 1))
    if shrink == "majority":
        return _majority(label, size)
    return _nearest(_nearest(label, size[0], 0), size[1], 1)


def _nearest(label: NDArray[Any], new: int, axis: int) -> NDArray[Any]:
    old = label.shape[axis]
    taken: NDArray[Any] = label.take((2 * np.arange(new) + 1) * old // (2 * new), axis)
    return taken


def _largest(ranks: NDArray[np.uint8], new: int, axis: int) -> NDArray[np.uint8]:
    """The largest of the pixels whose centres lie in the new one; every pixel lies in one, so lines hold."""
    old = ranks.shape[axis]
    if new >= old:
        return _nearest(ranks, new, axis)
    first = -((new - 2 * old * np.arange(new)) // (2 * new))  # its y + 1/2 is at least place * old / new
    last = np.append(first[1:], old) - 1
    largest: NDArray[np.uint8] = ranks.take(first, axis)
    for step in range(1, int((last - first).max()) + 1):
        np.maximum(largest, ranks.take(np.minimum(first + step, last), axis), out=largest)
    return largest


def _majority(label: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """The class of the largest area in each new pixel; of equal ones the nearest pixel's, else the first.

    Areas are whole numbers: a pixel is as many units high as there are new rows, and so on.
    """
    nearest = resized_label(label, size)
    for axis in (0, 1):
        label = _nearest(label, max(size[axis], label.shape[axis]), axis)
    kinds, codes = np.unique(label, return_inverse=True)
    area = np.zeros(size[0] * size[1] * len(kinds))
    for rows, heights in _overlaps(label.shape[0], size[0]):
        for columns, widths in _overlaps(label.shape[1], size[1]):
            place = (rows[:, None] * size[1] + columns) * len(kinds) + codes.reshape(label.shape)
            share = heights[:, None] * widths
            area += np.bincount(place.ravel(), share.ravel(), len(area))
    is_nearest = kinds == nearest[..., None]
    most: NDArray[np.uint8] = kinds[(area.reshape(is_nearest.shape) + 0.5 * is_nearest).argmax(2)]
    return most


def _overlaps(old: int, new: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For old pixels in a row, the new ones that each reaches into, and how far: two parts at most."""
    start = np.arange(old) * new
    first, last = start // old, (start + new - 1) // old
    beyond = np.where(last > first, start + new - last * old, 0)
    return [(first, new - beyond), (last, beyond)]


def on_canvas(sample: Sample, size: Size, shrink: Mapping[str, Shrink] = MappingProxyType({})) -> Sample:
    """The sample in the upper left corner of a canvas of ``size`` (height, width).

    Larger images are shrunk until they fit, smaller ones are not magnified. The rest of the canvas is ignored
    by every label, but by one that has the size of the canvas already. ``shrink`` has rules by task.
    """
    height, width = sample.image.shape[:2]
    share = min(1, size[0] / height, size[1] / width)
    shrunk = max(1, round(share * height)), max(1, round(share * width))
    canvas = np.full((*size, 3), MEAN_COLOUR, np.uint8)
    canvas[: shrunk[0], : shrunk[1]] = resized_image(sample.image, shrunk)
    rules = {task: shrink.get(task, "nearest") for task in sample.labels}
    labels = {task: _placed(label, shrunk, size, rules[task]) for task, label in sample.labels.items()}
    return Sample(canvas, labels)


def _placed(label: NDArray[Any], shrunk: Size, size: Size, shrink: Shrink) -> NDArray[Any]:
    """What is as large as the canvas was drawn on it, and is in its place."""
    if label.shape[:2] == size:
        return label
    return _padded(resized_label(label, shrunk, shrink), size)


def _padded(label: NDArray[Any], size: Size) -> NDArray[Any]:
    padded = np.full((*size, *label.shape[2:]), _nothing(label), label.dtype)
    padded[: label.shape[0], : label.shape[1]] = label
    return padded


def _nothing(label: NDArray[Any]) -> float:
    """Classes and yes or no; directions; numbers."""
    if label.dtype == np.uint8:
        return IGNORE
    return 0 if label.ndim == 3 else np.nan
