"""Rows decoded once into files of the cache folder, and mapped into memory from there by every later run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.data.cache_folder import cache_folder
from benchmark.data.checks.check import evenly
from benchmark.data.decoded.rows import Column, Row, Say

#: Raise it with every change of how rows are stored.
FORMAT = 1
DONE = "done.json"


class KeepableRows(Protocol):
    """Rows that are made when they are asked for, the same whenever that is."""

    #: What making them is called, and what is done where they cannot be kept.
    made: str
    otherwise: str

    @property
    def ids(self) -> tuple[str, ...]:
        """What each row is of."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each row holds."""

    @property
    def size(self) -> int:
        """Bytes of all rows."""

    @property
    def code(self) -> list[Any]:
        """What makes them, as far as neither the data nor the columns say it."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> Row:
        """Make one row."""

    def blocks(self, say: Say) -> Iterator[Row]:
        """All rows in order, in blocks."""

    def forget(self) -> None:
        """Let go of what was held to make rows."""


def arrays_folder() -> Path:
    """Where arrays are kept, a folder each set."""
    return cache_folder() / f"arrays-{FORMAT}"


def key_of(rows: KeepableRows, digest: str) -> str:
    """What the arrays are named by: the data set's digest, the images, and what is stored of them."""
    columns = [[column.name, column.dtype.str, column.shape] for column in rows.columns]
    key = [digest, rows.ids, columns, *([rows.code] if rows.code else [])]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def are_kept(rows: KeepableRows, digest: str) -> bool:
    """Whether they lie in the cache folder already, so that they need no room there."""
    return (arrays_folder() / key_of(rows, digest) / DONE).is_file()


def kept_arrays(rows: KeepableRows, digest: str, say: Say) -> Row:
    """The columns of all rows, mapped from the cache folder; decoded into it if they are not there.

    They are written beside their place and moved there when complete. What a killed process left is never
    taken for them, and what does not match its sha256 is decoded again. Raises OSError where the folder
    cannot be written or is full.
    """
    from filelock import FileLock

    folder = arrays_folder() / key_of(rows, digest)
    if not _is_sound(folder, rows, say):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock"), fallback_to_soft=False):  # another process may be at it
            if not _is_sound(folder, rows, lambda _: None):
                say(f"{len(rows)} rows are {rows.made} into {folder} ({rows.size / 1e9:.2g} GB), once")
                _write(folder, rows, say)
    rows.forget()
    with suppress(OSError):  # a cache that may only be read
        os.utime(folder)  # by which `mtal data cache --prune` tells what is still used
    return _mapped(folder, rows)


def _mapped(folder: Path, rows: KeepableRows) -> Row:
    return [
        np.memmap(folder / _file(number), column.dtype, "r", shape=(len(rows), *column.shape))
        for number, column in enumerate(rows.columns)
    ]


def _file(number: int) -> str:
    return f"column-{number}.bin"


def _write(folder: Path, rows: KeepableRows, say: Say) -> None:
    """Decode all rows into files; the caller holds the lock, so what lies beside is a killed process's."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        digests = _write_columns(partial, rows, say)
        (partial / DONE).write_text(json.dumps({"sha256": digests}))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_columns(folder: Path, rows: KeepableRows, say: Say) -> list[str]:
    """Written, not mapped: on a full disk a write raises, and a mapped page kills the process."""
    digests = [hashlib.sha256() for _ in rows.columns]
    files = [(folder / _file(number)).open("wb") for number in range(len(digests))]
    try:
        for block in rows.blocks(say):
            for part, file, digest in zip(block, files, digests, strict=True):
                content = np.ascontiguousarray(part).data.cast("B")
                file.write(content)
                digest.update(content)
    finally:
        for file in files:
            file.close()
    return [digest.hexdigest() for digest in digests]


def _is_sound(folder: Path, rows: KeepableRows, say: Say) -> bool:
    """Whether the arrays are there, byte for byte as written, and are what decoding gives today."""
    if not (folder / DONE).is_file():
        return False
    if rows.size > 1e9:
        say(f"Checking {rows.size / 1e9:.2g} GB that were {rows.made} earlier")
    if _digests(folder, rows) != _noted(folder):
        say(f"{folder} is damaged and {rows.made} again")
        return False
    arrays = _mapped(folder, rows)
    if not all(_is_row(arrays, rows[position], position) for position in evenly(len(rows), 3)):
        say(f"{folder} is not what the data are {rows.made} to today and is {rows.made} again")
        return False
    return True


def _noted(folder: Path) -> Any:
    try:
        return json.loads((folder / DONE).read_text())["sha256"]
    except (ValueError, KeyError, TypeError):
        return None


def _digests(folder: Path, rows: KeepableRows) -> list[str]:
    paths = [folder / _file(number) for number in range(len(rows.columns))]
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_digest, paths))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"


def _is_row(arrays: Row, row: Row, position: int) -> bool:
    pairs = zip(arrays, row, strict=True)
    return all(_bytes(array[position]) == _bytes(part) for array, part in pairs)


def _bytes(values: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(values).tobytes()  # bytes, because a NaN does not equal itself
