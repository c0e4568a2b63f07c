"""NYUD-v2 as parquet: the columns image, segmentation, depth and normal, channels first, a row an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import Sample
from benchmark.data.files.bad_file import BadFile
from benchmark.data.folder.label_files import as_label
from benchmark.data.nyud.layouts import DEPTH, NORMALS, SEMSEG_13
from benchmark.data.nyud.sample import as_image, in_metres, made_sample
from benchmark.data.options import Shrinking
from benchmark.errors import UserError
from benchmark.optional_libraries import install_command

_LABELS = {"semseg": ("segmentation", SEMSEG_13), "depth": ("depth", DEPTH), "normals": ("normal", NORMALS)}
COLUMNS = ("image", *(column for column, _ in _LABELS.values()))
MOST_ROWS = 10_000  # of a file, before as many places are made
Place = tuple[Path, int, int]  # file, row group, row in it


class ParquetSplit:
    """Rows decoded on demand; the row group read last is kept, as published about 400 MB."""

    def __init__(self, places: Mapping[str, Place], options: Shrinking) -> None:
        self._places, self._options = dict(places), options
        self._lock = Lock()
        self._read: tuple[tuple[Path, int], Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to a worker process without its lock and what it has read."""
        return ParquetSplit, (self._places, self._options)

    @property
    def ids(self) -> tuple[str, ...]:
        """Sorted ids."""
        return tuple(self._places)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that rows are taken from."""
        return tuple(dict.fromkeys(path for path, _, _ in self._places.values()))

    def only(self, ids: Iterable[str]) -> ParquetSplit:
        """The same split with these ids alone."""
        return ParquetSplit({name: self._places[name] for name in ids}, self._options)

    def __getitem__(self, position: int) -> Sample:
        """Decode one row. Raises UserError naming the file and row that are bad."""
        path, group, row = self._places[self.ids[position]]
        table = self._row_group(path, group)
        try:
            image = as_image(_channels_last(_array(table, "image", row)))
            labels = _labels(table, row, image.shape[:2])
            return made_sample(image, labels, self._options.target, self._options.rules(["semseg"]))
        except BadFile as error:
            raise UserError(f"Row {row} of row group {group} of {str(path)!r} {error}.") from None

    def _row_group(self, path: Path, group: int) -> Any:
        with self._lock:
            if self._read is None or self._read[0] != (path, group):
                self._read = None  # frees the memory before as much is taken again
                self._read = (path, group), _read_group(path, group)
            return self._read[1]


def parquet_split(root: Path, split: str, options: Shrinking) -> ParquetSplit:
    """The rows of ``SPLIT-*.parquet``, in the folder or in ``data`` below it.

    Raises UserError for files that cannot be read or lack a column, and where pyarrow is not installed.
    """
    paths = sorted([*root.glob(f"{split}-*.parquet"), *root.glob(f"data/{split}-*.parquet")])
    places = [(path, group, row) for path in paths for group, row in _rows(path)]
    return ParquetSplit({f"{split}/{number:04d}": place for number, place in enumerate(places)}, options)


def _rows(path: Path) -> list[tuple[int, int]]:
    metadata = _opened(path).metadata
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if not 0 <= sum(counts) <= MOST_ROWS or min(counts, default=0) < 0:
        raise UserError(f"{str(path)!r} has {sum(counts)} rows, and NYUD-v2 has 1449 images.")
    return [(group, row) for group, count in enumerate(counts) for row in range(count)]


def _opened(path: Path) -> Any:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UserError(
            f"{str(path)!r} needs pyarrow to be read: {install_command('parquet')} brings it."
        ) from None
    if not path.is_file():
        raise UserError(f"{str(path)!r} is no plain file; it should be a parquet file.")
    try:
        file = ParquetFile(path)
        names = file.schema_arrow.names
    except Exception as error:  # hostile bytes
        raise UserError(f"{str(path)!r} is no parquet file or is damaged.") from error
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise UserError(f"{str(path)!r} has no column {missing[0]!r}; it should have {', '.join(COLUMNS)}.")
    return file


def _read_group(path: Path, group: int) -> Any:
    file = _opened(path)
    try:
        return file.read_row_group(group, columns=list(COLUMNS))
    except Exception as error:  # hostile bytes
        raise UserError(f"Row group {group} of {str(path)!r} is damaged: {error}.") from error


def _labels(table: Any, row: int, size: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    labels = {}
    for task, (column, meaning) in _LABELS.items():
        labels[task] = as_label(_channels_last(_array(table, column, row)), meaning)
        if labels[task].shape[:2] != size:
            raise BadFile("size", f"has a {column} of {labels[task].shape[:2]} and an image of {size} pixels")
    return {**labels, "depth": in_metres(labels["depth"])}


def _array(table: Any, column: str, row: int) -> NDArray[Any]:
    try:
        return _numbers(table, column, row)
    except BadFile:
        raise
    except Exception as error:  # columns of types that no image has fail anywhere
        raise BadFile("format", f"has a {column} that is no array of numbers") from error


def _numbers(table: Any, column: str, row: int) -> NDArray[Any]:
    """A cell of nested lists as an array: numbers lie one after another, the counts give its shape."""
    import pyarrow as pa

    cell = table.column(column).slice(row, 1).combine_chunks()
    counts = []
    cell = cell.storage if isinstance(cell.type, pa.BaseExtensionType) else cell
    while hasattr(cell.type, "value_type"):  # lists, of a fixed length or not
        cell = cell.flatten()
        counts.append(len(cell))
    if not len(cell):
        raise BadFile("format", f"has no {column}")
    shape = [count // max(before, 1) for before, count in zip([1, *counts], counts, strict=False)]
    if not pa.types.is_primitive(cell.type) or np.prod(shape, dtype=int) != len(cell):
        raise BadFile("format", f"has a {column} that is no array of numbers")
    values: NDArray[Any] = cell.to_numpy(zero_copy_only=False).reshape(shape)
    if values.dtype.kind not in "biuf":
        raise BadFile("format", f"has a {column} that is no array of numbers")
    return values


def _channels_last(values: NDArray[Any]) -> NDArray[Any]:
    return values.transpose(1, 2, 0) if values.ndim == 3 else values
