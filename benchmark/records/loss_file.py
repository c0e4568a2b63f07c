"""Losses of single validation images as a compressed file of numbers beside their round.

``round-RR.losses.npy.gz`` holds N x T refined losses of 32 bits, NaN where an image has no label for a task,
and the round its sha256. Of each number twelve binary digits are kept (1/4096 of it at most is changed), so
that it packs to six tenths. ``numpy.load(gzip.open(FILE))`` reads it. A report says by them what other
validation images would change; without them, as of earlier versions, it says everything else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.records.score_file import HEADER, MOST_BYTES, table_in
from benchmark.untrusted_files import LARGEST_INTEGER, read_bytes

SUFFIX = ".losses.npy.gz"
DIGITS = 12  # binary ones that are kept of a loss
#: By which a mean of rounded losses and the round's own loss may differ, as a share of it.
AGREEMENT = 1e-3
FIELDS = ("sha256", "ids", "images", "tasks", "weights")
GZIP = 16 + zlib.MAX_WBITS  # what zlib calls a stream with gzip's header
MOST_TASKS = 1000


@dataclass(frozen=True, eq=False)
class ImageLosses:
    """Refined losses (N x T) of N validation images, NaN where there is no label.

    ``weights`` (T) are those of the tasks in the total loss; ``ids`` is the sha256 of the images' ids in the
    order of the rows: rows of two rounds are of the same images where it is the same.
    """

    table: NDArray[np.float32]
    tasks: tuple[str, ...]
    weights: tuple[float, ...]
    ids: str


def digest_of_ids(ids: Sequence[str]) -> str:
    """sha256 of image ids in their order."""
    return hashlib.sha256("\0".join(ids).encode()).hexdigest()


def beside(file: Path) -> Path:
    """The file of the losses of a round in this file."""
    return file.with_name(f"{file.stem}{SUFFIX}")


def as_file(losses: ImageLosses) -> tuple[bytes, dict[str, Any]]:
    """What the file of these losses holds, and what their round says of it."""
    stream = io.BytesIO()
    np.save(stream, _shortened(losses.table), allow_pickle=False)
    content = gzip.compress(stream.getvalue(), mtime=0)  # a time would give other bytes for the same losses
    said = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "ids": losses.ids,
        "images": len(losses.table),
        "tasks": list(losses.tasks),
        "weights": list(losses.weights),
    }
    return content, said


def read_losses(
    file: Path, said: Mapping[str, Any], metrics: Mapping[str, Mapping[str, float | None]]
) -> ImageLosses:
    """The losses of the round in ``file``, which says this of them and has these metrics.

    Raises ValueError where they are not those that were written, and OSError where they cannot be read.
    """
    name, shape = beside(file).name, (said["images"], len(said["tasks"]))
    most = min(MOST_BYTES, HEADER + 4 * shape[0] * shape[1])
    content = read_bytes(beside(file), most + HEADER)  # what does not pack is a little longer
    if hashlib.sha256(content).hexdigest() != said["sha256"]:
        raise ValueError(f"{name} does not match its sha256")
    table = table_in(_unpacked(content, most), shape, "<f4")
    if table is None:
        raise ValueError(f"{name} does not hold what the round says")
    found = ImageLosses(table.astype(np.float32), tuple(said["tasks"]), tuple(said["weights"]), said["ids"])
    if not _agrees(found, metrics):
        raise ValueError(f"{name} has other means than the round")
    return found


def says_where(value: Any) -> bool:
    """Whether a round says so that its losses are in a file of their own."""
    return (
        isinstance(value, dict)
        and sorted(value) == sorted(FIELDS)
        and all(isinstance(value[name], str) for name in ("sha256", "ids"))
        and type(value["images"]) is int
        and 0 < value["images"] < LARGEST_INTEGER
        and _are_tasks(value["tasks"], value["weights"])
    )


def _are_tasks(names: Any, weights: Any) -> bool:
    return (
        isinstance(names, list)
        and isinstance(weights, list)
        and 0 < len(names) == len(weights) <= MOST_TASKS
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
        and all(isinstance(w, int | float) and math.isfinite(w) and w > 0 for w in weights)
    )


def _shortened(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """With the last binary digits 0, which a packer finds."""
    mantissa, exponent = np.frexp(table.astype(np.float64))
    short: NDArray[np.float32] = np.ldexp(np.round(mantissa * 2**DIGITS) / 2**DIGITS, exponent).astype("<f4")
    return short


def _unpacked(content: bytes, most: int) -> bytes:
    """At most so many bytes: a packed file may claim any size. Raises ValueError."""
    try:
        return zlib.decompressobj(GZIP).decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked: {error}") from None


def _agrees(losses: ImageLosses, metrics: Mapping[str, Mapping[str, float | None]]) -> bool:
    """Whether the means are the round's own losses: none where no image has a label."""
    known = ~np.isnan(losses.table)
    counts = known.sum(0)
    sums = np.where(known, losses.table, 0).sum(0, dtype=np.float64)
    own = [metrics.get(task, {}).get("loss") for task in losses.tasks]
    return all(
        (count == 0) if loss is None else count > 0 and math.isclose(total / count, loss, rel_tol=AGREEMENT)
        for total, count, loss in zip(sums, counts, own, strict=True)
    )
