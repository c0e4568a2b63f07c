"""Batches on the device: a split decoded once into compact arrays, from which batches are cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.dataset import Sample, Split
from benchmark.errors import UserError
from benchmark.tasks.task import Task
from strategies.interface import Positions

# Mean and spread of ImageNet, which every pre-trained backbone expects.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Batch:
    """B images (B x 3 x H x W, 0..1) with encoded labels by task."""

    images: Tensor
    labels: Mapping[str, Tensor]


class Feed:
    """One split on one device: uint8 images and encoded labels, all of one size.

    Raises UserError naming the first image whose size, or whose label's size, is another.
    """

    def __init__(self, split: Split, tasks: Sequence[Task], device: torch.device) -> None:
        self.tasks, self.device, self.ids = tuple(tasks), device, split.ids
        images, labels = _decoded(split, self.tasks)
        self._images = images.to(device)
        self._labels = {task: label.to(device) for task, label in labels.items()}

    def __len__(self) -> int:
        return len(self._images)

    def images(self, positions: Tensor) -> Tensor:
        """The images at these positions (B x 3 x H x W, 0..1)."""
        return self._images[positions.to(self.device)].float() / 255

    def batch(self, positions: Tensor) -> Batch:
        """The images at these positions with their labels."""
        where = positions.to(self.device)
        labels = {task: label[where] for task, label in self._labels.items()}
        return Batch(self.images(positions), labels)

    def in_order(self, size: int) -> Iterator[Tensor]:
        """All positions, batch by batch."""
        return iter(torch.split(torch.arange(len(self)), size))


def normalised(images: Tensor) -> Tensor:
    """Images (0..1) as the network wants them."""
    mean, spread = images.new_tensor(MEAN), images.new_tensor(SPREAD)
    return (images - mean[:, None, None]) / spread[:, None, None]


def shuffled(count: int, size: int, batches: int, rng: np.random.Generator) -> Iterator[Positions]:
    """``batches`` full batches of indices below ``count``: one random order after another, without a gap."""
    order = np.concatenate([rng.permutation(count) for _ in range(-(-batches * size // count))])
    for start in range(0, batches * size, size):
        yield order[start : start + size]


def _decoded(split: Split, tasks: Sequence[Task]) -> tuple[Tensor, dict[str, Tensor]]:
    count = len(split.ids)
    first = split[0]
    height, width, _ = first.image.shape
    images = np.empty((count, 3, height, width), np.uint8)
    blanks = {task.name: task.unlabelled(height, width) for task in tasks}
    labels = {task: np.empty((count, *blank.shape), blank.dtype) for task, blank in blanks.items()}

    def decode(position: int) -> None:
        sample = split[position]
        _check_sizes(sample, split.ids[position], (height, width))
        images[position] = sample.image.transpose(2, 0, 1)
        for task in tasks:
            labels[task.name][position] = _label(sample, task, blanks[task.name])

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(decode, range(count)))
    return torch.from_numpy(images), {task: torch.from_numpy(label) for task, label in labels.items()}


def _check_sizes(sample: Sample, name: str, size: tuple[int, int]) -> None:
    for what, pixels in {"image": sample.image, **sample.labels}.items():
        if pixels.shape[:2] != size:
            raise UserError(
                f"Image {name}: its {what} is {pixels.shape[0]} x {pixels.shape[1]} pixels (height x width); "
                f"all of a split must be as large as the first image, {size[0]} x {size[1]}."
            )


def _label(sample: Sample, task: Task, blank: NDArray[Any]) -> NDArray[Any]:
    return task.encode(sample.labels[task.name]) if task.name in sample.labels else blank
