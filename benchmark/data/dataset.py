"""What every data set is: tasks, a train split (the pool) and a val split (never seen by a strategy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmark.tasks.task import Task


@dataclass(frozen=True)
class Sample:
    """One image (H x W x 3, uint8) with its labels by task name; a task without a label is left out.

    Label formats by kind: ``categorical`` uint8 H x W, 255 ignored; ``binary`` uint8 H x W of 0 and 1, 255
    ignored; ``scalar`` float32 H x W, NaN invalid; ``direction`` float32 H x W x 3 of unit vectors in the
    camera frame (x right, y up, z towards the viewer), the zero vector invalid.
    """

    image: NDArray[np.uint8]
    labels: Mapping[str, NDArray[Any]]


class Split(Protocol):
    """An ordered set of samples with unique ids."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Unique image ids, in order."""

    def __getitem__(self, position: int) -> Sample:
        """Decode one sample."""


@dataclass(frozen=True)
class MultiTaskDataset:
    """A named data set. ``digest`` changes whenever an image, a label or a split could have changed."""

    name: str
    tasks: tuple[Task, ...]
    train: Split
    val: Split
    digest: str
    #: Facts that belong beside every result: sizes, layout, seeds, label origins.
    facts: Mapping[str, Any] = field(default_factory=dict)
