"""Batches on the device, from wherever the rows of a split live."""

from __future__ import annotations

import copy
import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.dataset import MultiTaskDataset, Split
from benchmark.data.decoded.memory_map import KeepableRows, are_kept, arrays_folder, kept_arrays
from benchmark.data.decoded.row_storage import Home, Mapped, OnDevice, Streamed
from benchmark.data.decoded.rows import Rows, Say
from benchmark.errors import UserError
from benchmark.experiment.config import FeedHome
from benchmark.machine_limits import usable_memory
from benchmark.tasks.task import Task
from strategies.device_transfer import on_device
from strategies.interface import Labels, Positions

READ = 16  # images whose labels are looked at at once


class KeptMaps(Protocol):
    """A frozen trunk's maps of all images of a split and of their mirror images."""

    def take(self, positions: Positions, mirrored: NDArray[np.bool_]) -> list[Tensor]:
        """Those of the images at these positions, of some mirrored, in float16 on the device."""


@dataclass(frozen=True)
class BatchMaps:
    """A frozen trunk's maps of a batch, read when they are needed: which are mirrored is drawn late."""

    kept: KeptMaps
    positions: Positions
    mirrored: NDArray[np.bool_]

    def flipped(self, which: NDArray[np.bool_] | bool = True) -> BatchMaps:
        """Of these images mirrored (B, or all)."""
        return replace(self, mirrored=self.mirrored ^ which)

    def read(self) -> list[Tensor]:
        """The maps, fine to coarse (B x C x h x w, float16)."""
        return self.kept.take(self.positions, self.mirrored)


@dataclass(frozen=True)
class Batch:
    """B images (B x 3 x H x W, 0..1) with encoded labels by task, and maps where they are kept."""

    images: Tensor
    labels: Mapping[str, Tensor]
    maps: BatchMaps | None = None


class Feed:
    """One split on one device: images and encoded labels, all of one size.

    Without a ``home`` all rows are decoded onto the device. Raises UserError naming the first image whose
    size, or whose label's size, is another.
    """

    def __init__(
        self, split: Split, tasks: Sequence[Task], device: torch.device, home: Home | None = None
    ) -> None:
        self.tasks, self.device, self.ids = tuple(tasks), device, tuple(split.ids)
        self._home = home or OnDevice(Rows(split, tasks), device, lambda _: None)
        self._maps: KeptMaps | None = None
        #: Which labels were bought (N x T), where not all are there; what was not is nowhere in a batch.
        self.bought: Labels | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def images(self, positions: Tensor | Positions) -> Tensor:
        """The images at these positions (B x 3 x H x W, 0..1)."""
        return _as_images(self._home.take(_indices(positions), 1)[0])

    def with_maps(self, maps: KeptMaps | None) -> Feed:
        """The same feed, whose batches come with these maps, or without any."""
        feed = copy.copy(self)
        feed._maps = maps
        return feed

    def with_labels(self, bought: Labels | None) -> Feed:
        """The same feed, of whose labels these are there (N x T), or all; others are as if never made."""
        feed = copy.copy(self)
        feed.bought = bought
        return feed

    def batch(self, positions: Tensor | Positions, labels: bool = True) -> Batch:
        """The images at these positions, with their labels or without any."""
        where = _indices(positions)
        return self._batch(where, self._home.take(where, self._columns(labels)))

    def batches(self, order: Iterable[Positions], labels: bool = True) -> Iterator[Batch]:
        """``batch`` for one element of ``order`` after another, read ahead where that helps."""
        read, asked = itertools.tee(order)
        rows = self._home.batches(read, self._columns(labels))
        return (self._batch(_indices(next(asked)), columns) for columns in rows)

    def labelled(self, positions: Positions) -> NDArray[np.bool_]:
        """Which of the images at these positions have a label for which task (L x T)."""
        order = (positions[at : at + READ] for at in range(0, len(positions), READ))
        found = [labelled(batch.labels, self.tasks).cpu().numpy() for batch in self.batches(order)]
        return np.concatenate([np.zeros((0, len(self.tasks)), np.bool_), *found])

    def in_order(self, size: int) -> Iterator[Positions]:
        """All positions, batch by batch."""
        everything = np.arange(len(self))
        return (everything[start : start + size] for start in range(0, len(self), size))

    def _columns(self, labels: bool) -> int:
        return 1 + len(self.tasks) if labels else 1

    def _batch(self, positions: Positions, columns: Sequence[Tensor]) -> Batch:
        batch = as_batch(columns, self.tasks if len(columns) > 1 else ())
        if self.bought is not None and batch.labels:
            batch = replace(batch, labels=only_bought(batch.labels, self.tasks, self.bought[positions]))
        if self._maps is None:
            return batch
        return replace(batch, maps=BatchMaps(self._maps, positions, np.zeros(len(positions), np.bool_)))


def only_bought(labels: Mapping[str, Tensor], tasks: Sequence[Task], bought: Labels) -> dict[str, Tensor]:
    """The labels of B images with nothing in the place of those that were not bought (B x T)."""
    kept = {}
    for task, there in zip(tasks, bought.T, strict=True):
        label = labels[task.name]
        nothing = on_device(torch.from_numpy(task.unlabelled(*label.shape[-2:])), label.device)
        which = on_device(torch.from_numpy(there.copy()), label.device).view(-1, *[1] * (label.ndim - 1))
        kept[task.name] = torch.where(which, label, nothing.to(label.dtype))
    return kept


def labelled(labels: Mapping[str, Tensor], tasks: Sequence[Task]) -> Tensor:
    """Which of B images have a label for which task (B x T, boolean): one valid pixel is one."""
    return torch.stack([task.valid(labels[task.name]).flatten(1).any(1) for task in tasks], 1)


def _indices(positions: Tensor | Positions) -> Positions:
    return np.asarray(positions, np.int64)


def as_batch(columns: Sequence[Tensor], tasks: Sequence[Task]) -> Batch:
    """Rows (the image, then a label a task) as networks and losses want them: floats in float32."""
    images, *labels = columns
    plain = (label.float() if label.is_floating_point() else label for label in labels)
    return Batch(_as_images(images), {t.name: label for t, label in zip(tasks, plain, strict=True)})


def _as_images(pixels: Tensor) -> Tensor:
    # On the device, where bytes cost a quarter of the way there.
    return pixels.float() / 255


def open_feed(
    dataset: MultiTaskDataset,
    split: Literal["train", "val", "apart"],
    device: torch.device,
    home: FeedHome = "auto",
    say: Say = lambda _: None,
) -> Feed:
    """A feed whose rows live where ``home`` says; ``auto`` is the device if they fit, else the disk.

    Which it is changes no batch. ``auto`` streams where the disk cannot take them. Raises UserError for a
    disk that was asked for and cannot be used, and ValueError for images set apart where there are none.
    """
    samples: Split | None = getattr(dataset, split)
    if samples is None:
        raise ValueError(f"{dataset.name} has no images set apart")
    rows = Rows(samples, dataset.tasks)
    return Feed(samples, dataset.tasks, device, _home(rows, dataset.key, device, home, say))


def _home(rows: Rows, digest: str, device: torch.device, home: FeedHome, say: Say) -> Home:
    chosen = _fitting(rows.size, device) if home == "auto" else home
    if home == "auto" and chosen == "stream" and are_kept(rows, digest):
        chosen = "disk"
    if chosen == "device":
        return OnDevice(rows, device, say)
    # Room may be there and the folder not writable: only writing tells.
    mapped = on_disk(rows, digest, device, home, say) if chosen == "disk" else None
    return mapped or Streamed(rows, device)


def on_disk(rows: KeepableRows, digest: str, device: torch.device, asked: FeedHome, say: Say) -> Home | None:
    """Rows mapped from the cache folder; None, and a word, where it cannot take them and was not asked for.

    Raises UserError where it was.
    """
    try:
        return Mapped(kept_arrays(rows, digest, say), device)
    except OSError as error:
        problem = f"{arrays_folder()} cannot be used ({error})"
        if asked == "disk":
            raise UserError(
                f"feed: {problem}; set MTAL_CACHE to a folder with {rows.size / 1e9:.2g} GB of room, "
                "or feed to stream."
            ) from None
        say(f"{problem}: {rows.otherwise}")
        return None


def _fitting(size: int, device: torch.device) -> FeedHome:
    """The network needs the device too, and other processes memory and disk."""
    # A quarter for the rows of one split: networks, activations and the other split need theirs.
    if fits_device(size, device):
        return "device"
    return "disk" if fits_disk(size) else "stream"


def fits_device(size: int, device: torch.device) -> bool:
    """Whether so many bytes may be kept on the device."""
    return size <= _memory(device) / 4


def fits_disk(size: int) -> bool:
    """Whether so many bytes may be kept in the cache folder."""
    return size <= _disk() / 2


def _memory(device: torch.device) -> float:
    """What is free of a GPU; half of the machine's memory, for it is not known what others will want."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return usable_memory() / 2


def _disk() -> int:
    folder = arrays_folder()
    # The cache folder need not be there yet; its file system is that of the nearest folder that is.
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def shuffled(count: int, size: int, batches: int, rng: np.random.Generator) -> Iterator[Positions]:
    """``batches`` full batches of indices below ``count``: one random order after another, without a gap."""
    # Batches run over from one order into the next: none is smaller, which batch normalisation would
    # notice.
    order = np.concatenate([rng.permutation(count) for _ in range(-(-batches * size // count))])
    for start in range(0, batches * size, size):
        yield order[start : start + size]
