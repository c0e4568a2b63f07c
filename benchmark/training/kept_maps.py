"""A frozen trunk's maps of a whole split, computed once for each image and its mirror image.

They are kept where images are, under the same rules: on the device, in a file that is mapped into memory, or
nowhere. All homes give the same bits, those that the trunk gives when it is asked.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.decoded.memory_map import are_kept
from benchmark.data.decoded.row_storage import Home, OnDevice
from benchmark.data.decoded.rows import SECONDS_BETWEEN_LINES, Column, Row, Say
from benchmark.data.feed import Feed, fits_device, fits_disk, on_disk
from benchmark.errors import UserError
from benchmark.experiment.config import FeedHome
from benchmark.networks import Network
from benchmark.networks.backbones import frozen, timm_models
from benchmark.records.environment import device_name
from strategies.interface import Positions

BLOCK = 16  # images whose maps are computed between two writes
#: What computes maps from images: with another code they are others.
CODE = (frozen, timm_models, Network._prepared, Network._padding)


class MapRows:
    """Rows of maps: of image k row 2k, of its mirror image row 2k + 1. Nothing is kept."""

    made, otherwise = "computed", "the frozen backbone is run for every batch"

    def __init__(self, feed: Feed, network: Network) -> None:
        self._feed, self._network = feed, network
        self.ids = tuple(f"{image}{side}" for image in feed.ids for side in ("", " mirrored"))

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """A column for each map, fine to coarse."""
        return map_columns(self.computed(np.zeros(1, np.int64)))

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return len(self) * sum(column.size for column in self.columns)

    @property
    def code(self) -> list[Any]:
        """All that could change a map's bits beside the images themselves."""
        network, trunk = self._network, self._network.backbone.trunk
        return [
            tuple(self._feed.images(np.zeros(1, np.int64)).shape),
            trunk.digest if trunk else None,
            network.mean.flatten().tolist(),
            network.spread.flatten().tolist(),
            network.backbone.multiple,
            device_name(self._feed.device),
            [version(package) for package in ("torch", "timm")],
            [inspect.getsource(part) for part in CODE],
        ]

    def __getitem__(self, row: int) -> Row:
        """Compute one row."""
        return [each.cpu().numpy()[0] for each in self.computed(np.array([row]))]

    def computed(self, rows: Positions) -> list[Tensor]:
        """Maps of these rows (B x C x h x w, float16), on the device. Raises UserError for infinite ones."""
        images = self._feed.images(rows // 2)
        mirrored = torch.from_numpy(rows % 2 == 1).to(images.device)
        maps = self._network.trunk_maps(torch.where(mirrored[:, None, None, None], images.flip(-1), images))
        if not all(bool(each.isfinite().all()) for each in maps):
            raise UserError(
                "network.frozen: the backbone's maps go beyond what half precision can hold (images from "
                f"{self.ids[rows[0]]} on): train it, or choose another."
            )
        return maps

    def blocks(self, say: Say) -> Iterator[Row]:
        """All rows in order; says now and then how far it is."""
        from time import monotonic

        told = monotonic()
        for start in range(0, len(self), 2 * BLOCK):
            rows = np.arange(start, min(start + 2 * BLOCK, len(self)))
            yield [each.cpu().numpy() for each in self.computed(rows)]
            if monotonic() - told > SECONDS_BETWEEN_LINES:
                told = monotonic()
                say(f"Computed the maps of {(rows[-1] + 1) // 2} of {len(self) // 2} images")

    def forget(self) -> None:
        """Nothing is held."""


class KeptRows:
    """Maps out of a home of rows."""

    def __init__(self, home: Home, columns: int) -> None:
        self._home, self._columns = home, columns

    def take(self, positions: Positions, mirrored: NDArray[np.bool_]) -> list[Tensor]:
        """See ``KeptMaps``."""
        return self._home.take(2 * positions + mirrored, self._columns)


class ComputedAnew:
    """The home of maps that nothing can keep."""

    def __init__(self, rows: MapRows) -> None:
        self._rows = rows

    def take(self, positions: Positions, columns: int) -> list[Tensor]:
        """Computed here and now."""
        return self._rows.computed(positions)[:columns]

    def batches(self, order: Any, columns: int) -> Iterator[list[Tensor]]:
        """One after another."""
        return (self.take(positions, columns) for positions in order)


def with_kept_maps(feed: Feed, network: Network, digest: str, home: FeedHome, say: Say) -> Feed:
    """The feed with the maps of the network's frozen trunk; ``digest`` is that of its data.

    ``auto`` is the disk, from which every later run has them in a moment, and the device where it cannot take
    them. Raises UserError for a disk that was asked for and cannot be used.
    """
    rows = MapRows(feed, network)
    return feed.with_maps(KeptRows(_home(rows, digest, feed, home, say), len(rows.columns)))


def map_columns(maps: list[Tensor]) -> tuple[Column, ...]:
    """What a row of such maps (B x C x h x w) holds."""
    half = np.dtype(np.float16)
    return tuple(Column(f"map {n}", half, tuple(each.shape[1:])) for n, each in enumerate(maps))


def kept_bytes(maps: list[Tensor], images: int) -> int:
    """Bytes of the maps of so many images and their mirror images, from the maps of one (1 x C x h x w)."""
    return 2 * images * sum(2 * math.prod(each.shape[1:]) for each in maps)


def _home(rows: MapRows, digest: str, feed: Feed, asked: FeedHome, say: Say) -> Home:
    if asked == "disk" or (asked == "auto" and (fits_disk(rows.size) or are_kept(rows, digest))):
        kept = on_disk(rows, digest, feed.device, asked, say)
        if kept:
            return kept
    if asked == "device" or (asked == "auto" and fits_device(rows.size, feed.device)):
        say(f"Computing the frozen backbone's maps of {len(feed)} images")
        return OnDevice(rows, feed.device, say)
    return ComputedAnew(rows)
