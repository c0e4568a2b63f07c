"""What every data set is: tasks, a train split (the pool) and a val split (never seen by a strategy)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.data.problems import Finding
from benchmark.data.roots import Root

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
class Coding:
    """What was taken for granted where the values of a task's files were read: to be doubted where the labels
    say nothing. ``ignored``: the value that is ignored although nobody said so; ``tops``: what the largest
    numbers of integer files become in a label, where nobody listed them as invalid (None: as in other data of
    the kind); ``advice``: the rest of a sentence for labels that cannot be meant so.
    """

    ignored: int | None = None
    tops: tuple[float, ...] | None = None
    advice: str = ""


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
    #: By task name; a task that is left out is read as ``Coding()`` says.
    codings: Mapping[str, Coding] = field(default_factory=dict)
    #: What opening has found wrong, apart from what it refuses.
    findings: tuple[Finding, ...] = ()
    #: Where the files lie and who said so, if it has any; it belongs to a machine, not to results.
    origin: Root | None = None
    #: Made by the suite itself, whose tests look at every label.
    exact: bool = False
    #: By id of the train split, which images are alike because of how they were taken: the frames of a video,
    #: views of a place. None where nothing is known. Only references are told.
    groups: Mapping[str, str] | None = None
    #: Training images that are in no pool: an oracle judges by them. None where no experiment asked for any.
    apart: Split | None = None
    #: Numbers of the train split's images by column and id, such as what their labels cost.
    columns: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: Digest of the code that makes it, where that is not the benchmark's own.
    code: str | None = None

    @property
    def key(self) -> str:
        """What is kept of it goes by: its digest, and other code may make other images of the same data."""
        return (
            self.digest
            if self.code is None
            else hashlib.sha256(f"{self.digest} {self.code}".encode()).hexdigest()
        )
