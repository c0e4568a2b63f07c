"""What the labels of one task hold, held against ``Sample``'s formats and summed up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.metres import not_metres

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

IGNORE = 255  # as Sample says


@dataclass(frozen=True)
class TaskReport:
    """One task in one split: ``values`` are class shares, or the range of numbers, of the valid pixels."""

    labelled: int = 0
    valid_share: float = float("nan")
    values: Mapping[str, float] = field(default_factory=dict)


class Tally(ABC):
    """Checks the labels of one task and sums them up."""

    dtype: type[np.generic] = np.uint8
    channels: tuple[int, ...] = ()

    def __init__(self, task: Task) -> None:
        self.task = task
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
        return TaskReport(self.labelled, share, self.values() if self.valid else {})


class _Classes(Tally):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.names = task.classes if task.kind == "categorical" else ("no", "yes")
        self.counts = np.zeros(256, np.int64)

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        counts = np.bincount(label.ravel(), minlength=256)
        self.counts += counts
        self.valid += label.size - int(counts[IGNORE])
        wrong = np.flatnonzero(counts[len(self.names) : IGNORE]) + len(self.names)
        if len(wrong):
            yield (
                "range",
                f"holds {wrong[:5].tolist()}, and should hold 0..{len(self.names) - 1} and {IGNORE}",
            )

    def values(self) -> Mapping[str, float]:
        shares = self.counts[: len(self.names)] / self.valid
        return dict(zip(self.names, shares.tolist(), strict=True))


class _Numbers(Tally):
    dtype = np.float32

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.low, self.high, self.total = np.inf, -np.inf, 0.0

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        if np.isinf(label).any():
            yield "range", "holds infinite numbers, and should hold NaN where nothing was measured"
        numbers = label[np.isfinite(label)].astype(np.float64)
        self.valid += numbers.size
        self.total += numbers.sum()
        self.low = min(self.low, numbers.min(initial=np.inf))
        self.high = max(self.high, numbers.max(initial=-np.inf))

    def values(self) -> Mapping[str, float]:
        return {"min": float(self.low), "mean": float(self.total / self.valid), "max": float(self.high)}


class _Distances(_Numbers):
    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        yield from super().look(label)
        if wrong := not_metres(label):
            yield "metres", wrong


class _Directions(Tally):
    dtype = np.float32
    channels = (3,)

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.total = np.zeros(3)

    def look(self, label: NDArray[Any]) -> Iterator[tuple[str, str]]:
        length = np.linalg.norm(label.astype(np.float64), axis=2)
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
        self.valid += int(valid.sum())
        self.total += label[valid].sum(0, dtype=np.float64)

    def values(self) -> Mapping[str, float]:
        return {
            f"mean {axis}": float(mean) for axis, mean in zip("xyz", self.total / self.valid, strict=True)
        }


_TALLIES: Mapping[str, Callable[[Task], Tally]] = {
    "categorical": _Classes,
    "binary": _Classes,
    "scalar": _Numbers,
    "direction": _Directions,
}


def tally_of(task: Task) -> Tally:
    """An empty tally of a task's labels."""
    from benchmark.tasks.depth import Depth

    return _Distances(task) if isinstance(task, Depth) else _TALLIES[task.kind](task)


def described(array: NDArray[Any]) -> str:
    """Shape and type of an array."""
    return f"{' x '.join(map(str, array.shape))} {array.dtype}"
