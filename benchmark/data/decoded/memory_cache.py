"""What one pass over the data has read and the next one wants: kept in memory, within bounds."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from benchmark.data.dataset import Sample, Split
from benchmark.machine_limits import usable_memory

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def room(share: float) -> int:
    """So large a share of the memory that this process may have, in bytes."""
    return int(usable_memory() * share)


class Memory(Generic[K, V]):
    """Values by key that fit into ``most`` bytes together; sent to another process, it is empty there."""

    def __init__(self, most: int) -> None:
        self._left, self._kept, self._lock = most, dict[K, V](), Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes would each get a copy of all that is kept.
        return Memory, (0,)

    def keep(self, key: K, value: V, size: int) -> None:
        """Take it in if there is room for its bytes."""
        with self._lock:
            # What does not fit is not kept: nothing that is kept makes room for it.
            if key not in self._kept and size <= self._left:
                self._kept[key] = value
                self._left -= size

    def fits(self, size: int) -> bool:
        """Whether there is room for so many bytes."""
        return size <= self._left

    def look(self, key: K) -> V | None:
        """What is kept, and stays."""
        return self._kept.get(key)

    def take(self, key: K) -> V | None:
        """What is kept, and is no longer."""
        return self._kept.pop(key, None)

    def forget(self) -> None:
        """Let go of all, and take nothing in from now on."""
        with self._lock:
            self._kept.clear()
            # Full from now on: rows are kept elsewhere then, and samples beside them would take the memory
            # twice.
            self._left = 0


@runtime_checkable
class Forgetful(Protocol):
    """Something that keeps what it may let go of."""

    def forget(self) -> None:
        """Let go of it."""


class Remembered:
    """A split whose samples, once looked at, need not be decoded again before they are taken for training."""

    def __init__(self, split: Split, samples: Memory[int, Sample] | None = None) -> None:
        # A sixteenth of the machine's memory: the network, other jobs and the system's file cache want the
        # rest.
        self.split, self.samples = split, samples or Memory(room(1 / 16))

    @property
    def ids(self) -> tuple[str, ...]:
        """Those of the split."""
        return self.split.ids

    def __getitem__(self, position: int) -> Sample:
        """One sample, decoded unless it is remembered. Not to be written to."""
        sample = self.samples.look(position)
        if sample is None:
            sample = self.split[position]
            self.keep(position, sample)
        return sample

    def take(self, position: int) -> Sample:
        """The same, for the last time that it is wanted."""
        return self.samples.take(position) or self.split[position]

    def keep(self, position: int, sample: Sample) -> None:
        """Remember a sample that was decoded elsewhere, if there is room."""
        self.samples.keep(position, sample, size_of(sample))

    def forget(self) -> None:
        """Nothing of it will be wanted again for now."""
        self.samples.forget()
        if isinstance(self.split, Forgetful):
            self.split.forget()


def size_of(sample: Sample) -> int:
    """Bytes of a sample's arrays."""
    return sample.image.nbytes + sum(label.nbytes for label in sample.labels.values())
