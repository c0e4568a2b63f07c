"""Decoded images and labels as compact rows, the same wherever they are kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Sample, Split
from benchmark.data.decoded.memory_cache import Remembered
from benchmark.errors import UserError
from benchmark.tasks.task import Task

#: Unit vectors are halved in size: they turn by 0.006 degrees on average and by 0.03 at most. Numbers stay as
#: they are: float16 metres would be off by 4 mm at 10 m, and a user's scalar may not fit at all.
COMPACT: Mapping[str, type[np.generic]] = {"direction": np.float16}
# Images that four threads decode at once, and that are held twice while they are stacked.
BLOCK = 32
SECONDS_BETWEEN_LINES = 10.0
Row = list[NDArray[Any]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Column:
    """What a row holds at one place: the image, or a task's label."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes a row."""
        return self.dtype.itemsize * math.prod(self.shape)


class Rows:
    """The samples of a split as rows: the image (3 x H x W, uint8) and an encoded label for every task.

    Nothing is kept: a row is decoded when it is asked for. Raises UserError naming the first image whose
    size, or whose label's size, differs from that of the split's first image.
    """

    #: What making them is called, and what is done where they cannot be kept.
    made, otherwise = "decoded", "images are decoded anew for every batch"

    def __init__(self, split: Split, tasks: Sequence[Task]) -> None:
        self.ids, self._split, self._tasks = tuple(split.ids), split, tuple(tasks)
        height, width, _ = split[0].image.shape
        self._size = height, width
        # Where an image has no label a row holds one without any valid pixel: all rows are of one size.
        blanks = {task: task.unlabelled(height, width) for task in tasks}
        self._blanks = {task.name: _compact(blank, task) for task, blank in blanks.items()}
        labels = [Column(name, blank.dtype, blank.shape) for name, blank in self._blanks.items()]
        self.columns = (Column("image", np.dtype(np.uint8), (3, height, width)), *labels)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def code(self) -> list[Any]:
        """What encodes labels where that is no code of the benchmark: a task's own, and its options."""
        # Kept rows are found again by what they depend on, and that is what a user's own task encodes too.
        own = [task for task in self._tasks if task.code]
        return [[task.name, task.code, task.options.model_dump(mode="json")] for task in own]

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return len(self) * sum(column.size for column in self.columns)

    def __getitem__(self, position: int) -> Row:
        """Decode one row."""
        sample = self._take(position)
        _check_sizes(sample, self.ids[position], self._size)
        labels = sample.labels
        return [
            # As networks want it, once and not with every batch; still bytes, a quarter of what floats
            # take.
            np.ascontiguousarray(sample.image.transpose(2, 0, 1)),
            *(
                _compact(task.encode(labels[task.name]), task)
                if task.name in labels
                else self._blanks[task.name]
                for task in self._tasks
            ),
        ]

    def _take(self, position: int) -> Sample:
        """A sample for the last time that its pixels are wanted: a row has all of them."""
        split = self._split
        return split.take(position) if isinstance(split, Remembered) else split[position]

    def forget(self) -> None:
        """Let go of samples that were decoded before: rows come from elsewhere."""
        if isinstance(self._split, Remembered):
            self._split.forget()

    def stacked(self, positions: Sequence[int]) -> Row:
        """Decode several rows into one array a column, one after the other."""
        return _stacked([self[position] for position in positions])

    def blocks(self, say: Say) -> Iterator[Row]:
        """All rows in order, decoded by threads in blocks; says now and then how far it is."""
        told = time.monotonic()
        with ThreadPoolExecutor(max_workers=4) as threads:
            for start in range(0, len(self), BLOCK):
                yield _stacked(list(threads.map(self.__getitem__, range(len(self))[start : start + BLOCK])))
                if time.monotonic() - told > SECONDS_BETWEEN_LINES:
                    told = time.monotonic()
                    say(f"Decoded {min(start + BLOCK, len(self))} of {len(self)} images")


def _stacked(rows: Sequence[Row]) -> Row:
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _compact(label: NDArray[Any], task: Task) -> NDArray[Any]:
    return np.asarray(label, COMPACT.get(task.kind, task.unlabelled(1, 1).dtype))


def _check_sizes(sample: Sample, name: str, size: tuple[int, int]) -> None:
    for what, pixels in {"image": sample.image, **sample.labels}.items():
        if pixels.shape[:2] != size:
            raise UserError(
                f"Image {name}: its {what} is {pixels.shape[0]} x {pixels.shape[1]} pixels (height x width); "
                f"all of a split must be as large as the first image, {size[0]} x {size[1]}."
            )
