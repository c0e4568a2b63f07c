"""What the labels of one task hold, held against ``Sample``'s formats and summed up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.checks.depth_units import not_metres
from benchmark.data.dataset import Coding

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

IGNORE = 255  # as Sample says
#: Of metres whoever stored them: the largest numbers of 8 and 16 bits, and of 16 bits in millimetres.
METRES_TOPS = (255.0, 65535.0, 65.535)


@dataclass(frozen=True)
class TaskReport:
    """One task in one split: ``values`` are class shares, or the range of numbers, of the valid pixels."""

    labelled: int = 0
    valid_share: float = float("nan")
    values: Mapping[str, float] = field(default_factory=dict)
    #: Classes by the number of images that show them; nothing for tasks without classes.
    shown: Mapping[str, int] = field(default_factory=dict)


class Tally(ABC):
    """Checks the labels of one task and sums them up."""

    dtype: type[np.generic] = np.uint8
    channels: tuple[int, ...] = ()

    def __init__(self, task: Task, coding: Coding) -> None:
        self.task, self.coding = task, coding
        self.labelled = self.valid = self.pixels = 0

    def add(self, label: NDArray[Any], size: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        """Take in one label; yields what is wrong with it."""
        self.labelled += 1
        wanted = (*size, *self.channels)
        if label.dtype != self.dtype or label.shape != wanted:
            shape = " x ".join(map(str, wanted))
            yield "format", f"is {described(label)}, and should be {shape} of {np.dtype(self.dtype)}"
            return
        self.pixels += size[0] * size[1]
        yield from self.look(label)

    @abstractmethod
    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """Check and sum up the values of a label of the right type and shape."""

    @abstractmethod
    def values(self) -> Mapping[str, float]:
        """What the valid pixels hold."""

    def report(self) -> TaskReport:
        """The sums so far."""
        share = self.valid / self.pixels if self.pixels else float("nan")
        return TaskReport(self.labelled, share, self.values() if self.valid else {}, self.shown())

    def shown(self) -> Mapping[str, int]:
        """How many images show each class."""
        return {}


class Classes(Tally):
    """Pixels by class."""

    def __init__(self, task: Task, coding: Coding) -> None:
        super().__init__(task, coding)
        self.names = task.classes if task.kind == "categorical" else ("no", "yes")
        self.counts = np.zeros(256, np.int64)
        self.images = np.zeros(256, np.int64)

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """As the base class says."""
        counts = np.bincount(label.ravel(), minlength=256)
        self.count(counts)
        wrong = np.flatnonzero(counts[len(self.names) : IGNORE]) + len(self.names)
        if len(wrong):
            yield (
                "range",
                f"holds {wrong[:5].tolist()}, and should hold 0..{len(self.names) - 1} and {IGNORE}",
            )

    def count(self, counts: NDArray[np.int64]) -> None:
        """Take in the pixels of one label, by value."""
        self.counts += counts
        self.images += counts > 0
        self.valid += int(counts.sum() - counts[IGNORE])

    def values(self) -> Mapping[str, float]:
        """As the base class says."""
        shares = self.counts[: len(self.names)] / self.valid
        return dict(zip(self.names, shares.tolist(), strict=True))

    def shown(self) -> Mapping[str, int]:
        """As the base class says."""
        return dict(zip(self.names, self.images[: len(self.names)].tolist(), strict=True))


class YesNo(Classes):
    """Besides, labels by what they hold: a yes, ignored pixels, or both."""

    def __init__(self, task: Task, coding: Coding) -> None:
        super().__init__(task, coding)
        self.with_yes = self.with_ignored = self.with_both = 0

    def count(self, counts: NDArray[np.int64]) -> None:
        """As the base class says."""
        super().count(counts)
        yes, ignored = bool(counts[1]), bool(counts[IGNORE])
        self.with_both += yes and ignored
        self.with_yes += yes and not ignored
        self.with_ignored += ignored and not yes


class Numbers(Tally):
    """The range of numbers, and how many of them are one that stands for nothing in many files."""

    dtype = np.float32

    def __init__(self, task: Task, coding: Coding) -> None:
        super().__init__(task, coding)
        self.low, self.high, self.total = np.inf, -np.inf, 0.0
        #: Of every top: pixels that hold it, and pixels in the tenth below it.
        self.tops = {float(np.float32(top)): np.zeros(2, np.int64) for top in self._tops()}

    def _tops(self) -> tuple[float, ...]:
        return self.coding.tops or ()

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """As the base class says."""
        if np.isinf(label).any():
            yield "range", "holds infinite numbers, and should hold NaN where nothing was measured"
        numbers = label[np.isfinite(label)]
        self.valid += numbers.size
        self.total += numbers.sum(dtype=np.float64)
        self.low = min(self.low, float(numbers.min(initial=np.inf)))
        self.high = max(self.high, high := float(numbers.max(initial=-np.inf)))
        for top, counts in self.tops.items():
            if high >= 0.9 * top:
                near = np.count_nonzero((numbers >= 0.9 * top) & (numbers < top))
                counts += np.count_nonzero(numbers == np.float32(top)), near

    def values(self) -> Mapping[str, float]:
        """As the base class says."""
        return {"min": float(self.low), "mean": float(self.total / self.valid), "max": float(self.high)}


class Distances(Numbers):
    """Numbers that should be metres."""

    def _tops(self) -> tuple[float, ...]:
        return () if self.coding.tops == () else (*METRES_TOPS, *(self.coding.tops or ()))

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """As the base class says."""
        yield from super().look(label)
        if wrong := not_metres(label):
            yield "metres", wrong


class Directions(Tally):
    """Unit vectors: their mean and range."""

    dtype = np.float32
    channels = (3,)

    def __init__(self, task: Task, coding: Coding) -> None:
        super().__init__(task, coding)
        self.total = np.zeros(3)
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """As the base class says."""
        components = np.ascontiguousarray(label.reshape(-1, 3).T)  # sums along rows are ten times as fast
        with np.errstate(over="ignore"):  # what is infinite then is named
            length = np.sqrt((components * components).sum(0))
        if not np.isfinite(length).all():
            yield (
                "range",
                "holds NaN or infinite vectors, and should hold the zero vector where nothing is known",
            )
        valid = np.isfinite(length) & (length > 0)
        off = np.abs(length[valid] - 1).max(initial=0)
        if off > 1e-3:
            yield (
                "unit",
                f"holds vectors whose length is off 1 by up to {off:.3g}, and should hold unit vectors",
            )
        self._count(components if valid.all() else components[:, valid])

    def _count(self, components: NDArray[np.float32]) -> None:
        self.valid += components.shape[1]
        self.total += components.sum(1, dtype=np.float64)
        self.low = np.minimum(self.low, components.min(1, initial=np.inf))
        self.high = np.maximum(self.high, components.max(1, initial=-np.inf))

    def values(self) -> Mapping[str, float]:
        """As the base class says."""
        return {
            f"mean {axis}": float(mean) for axis, mean in zip("xyz", self.total / self.valid, strict=True)
        }


_TALLIES: Mapping[str, Callable[[Task, Coding], Tally]] = {
    "categorical": Classes,
    "binary": YesNo,
    "scalar": Numbers,
    "direction": Directions,
}


def tally_of(task: Task, coding: Coding | None = None) -> Tally:
    """An empty tally of a task's labels."""
    from benchmark.tasks.depth import Depth

    kind = Distances if isinstance(task, Depth) else _TALLIES[task.kind]
    return kind(task, coding or Coding())


def described(array: NDArray[Any]) -> str:
    """Shape and type of an array."""
    return f"{' x '.join(map(str, array.shape))} {array.dtype}"
