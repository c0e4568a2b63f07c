"""Selection scores of many images as a file of numbers beside their round: as text they are slow and large.

``round-RR.scores.npy`` holds N x T numbers of 64 bits, and the round its sha256. A few thousand scores stay
in the round itself, where people can read them, and so do those of earlier versions.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.untrusted_files import LARGEST_INTEGER, read_bytes

#: Numbers that are written as text: 2,500 images of 4 tasks are 0.2 MB.
MOST_AS_TEXT = 10_000
#: Bytes of a file: ten million images of ten tasks.
MOST_BYTES, HEADER = 2**30, 2**12
FIELDS = ("sha256", "images", "tasks")


def beside(file: Path) -> Path:
    """The file of the scores of a round in this file."""
    return file.with_name(f"{file.stem}.scores.npy")


def are_many(scores: Sequence[Sequence[float]] | None) -> bool:
    """Whether scores (N x T) go into a file of their own."""
    return bool(scores) and len(scores or ()) * len((scores or ())[0]) > MOST_AS_TEXT


def as_file(scores: Sequence[Sequence[float]]) -> tuple[bytes, dict[str, Any]]:
    """What the file of these scores (N x T) holds, and what their round says of them."""
    table, stream = np.asarray(scores, "<f8"), io.BytesIO()
    np.save(stream, table, allow_pickle=False)
    content = stream.getvalue()
    said = {"sha256": hashlib.sha256(content).hexdigest(), "images": len(table), "tasks": table.shape[1]}
    return content, said


def read_scores(file: Path, said: Mapping[str, Any]) -> list[list[float]]:
    """The scores of the round in ``file``, which says this of them.

    Raises ValueError where they are not those that were written, and OSError where they cannot be read.
    """
    content = read_bytes(beside(file), min(MOST_BYTES, HEADER + 8 * said["images"] * said["tasks"]))
    if hashlib.sha256(content).hexdigest() != said["sha256"]:
        raise ValueError(f"{beside(file).name} does not match its sha256")
    table = table_in(content, (said["images"], said["tasks"]), "<f8")
    if table is None:
        raise ValueError(f"{beside(file).name} does not hold what the round says")
    if not np.isfinite(table).all():
        raise ValueError(f"{beside(file).name} holds numbers that are not finite")
    found: list[list[float]] = table.tolist()
    return found


def table_in(content: bytes, shape: tuple[int, int], kind: str) -> NDArray[Any] | None:
    """The numbers of a file of this shape and kind; None for any other: a header may claim any size."""
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            return None
        found = np.lib.format.read_array_header_1_0(stream)
    except ValueError:
        return None
    left = content[stream.tell() :]
    of = np.dtype(kind)
    if found != (shape, False, of) or len(left) != of.itemsize * shape[0] * shape[1]:
        return None
    return np.frombuffer(left, of).reshape(shape)


def says_where(value: Any) -> bool:
    """Whether a round says so that its scores are in a file of their own."""
    return (
        isinstance(value, dict)
        and sorted(value) == sorted(FIELDS)
        and isinstance(value["sha256"], str)
        and all(type(value[name]) is int and 0 < value[name] < LARGEST_INTEGER for name in FIELDS[1:])
    )
