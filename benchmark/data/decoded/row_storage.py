"""Where the rows of a split live while a network trains: on the device, in a mapped file, or nowhere.

All give the same rows for the same positions, bit for bit.
"""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmark.data.decoded.memory_map import KeepableRows
from benchmark.data.decoded.rows import Row, Rows, Say
from benchmark.errors import UserError
from benchmark.plugins import DATASETS, TASKS
from strategies.device_transfer import on_device
from strategies.interface import Positions
from strategies.registration import load_file, loaded_files

#: Batches that are read ahead of the one in use.
AHEAD = 2
Order = Iterable[Positions]


class Home(Protocol):
    """Rows by position. ``columns`` says how many of the first columns are wanted: 1 is the image alone."""

    def take(self, positions: Positions, columns: int) -> list[Tensor]:
        """These rows (B x ... a column), on the device."""

    def batches(self, order: Order, columns: int) -> Iterator[list[Tensor]]:
        """Batch after batch of rows, on the device, read ahead where that helps."""


class OnDevice:
    """All rows as tensors on the device."""

    def __init__(self, rows: KeepableRows, device: torch.device, say: Say) -> None:
        self._device = device
        self._columns = [_empty((len(rows), *c.shape), c.dtype, device) for c in rows.columns]
        done = 0
        for block in rows.blocks(say):
            for column, part in zip(self._columns, block, strict=True):
                # Block by block: memory never holds the rows twice.
                column[done : done + len(part)] = torch.from_numpy(part)
            done += len(block[0])

    def take(self, positions: Positions, columns: int) -> list[Tensor]:
        """Gathered on the device."""
        where = on_device(torch.from_numpy(positions), self._device)
        return [column.index_select(0, where) for column in self._columns[:columns]]

    def batches(self, order: Order, columns: int) -> Iterator[list[Tensor]]:
        """There is nothing to read ahead."""
        return (self.take(positions, columns) for positions in order)


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any], device: torch.device) -> Tensor:
    return torch.empty(shape, dtype=torch.from_numpy(np.empty(0, dtype)).dtype, device=device)


class Mapped:
    """All rows as arrays, mapped from files; a thread copies batches out of them ahead of use."""

    def __init__(self, arrays: Row, device: torch.device) -> None:
        self._arrays, self._device = arrays, device

    def take(self, positions: Positions, columns: int) -> list[Tensor]:
        """Copied out of the map."""
        return [on_device(part, self._device) for part in self._read(positions, columns)]

    def batches(self, order: Order, columns: int) -> Iterator[list[Tensor]]:
        """Read ahead by one thread."""
        reading: deque[Future[list[Tensor]]] = deque()
        # One thread is enough to copy out of a map.
        with ThreadPoolExecutor(max_workers=1) as thread:
            for positions in order:
                reading.append(thread.submit(self._read, positions, columns))
                if len(reading) > AHEAD:
                    yield [on_device(part, self._device) for part in reading.popleft().result()]
            for batch in reading:
                yield [on_device(part, self._device) for part in batch.result()]

    def _read(self, positions: Positions, columns: int) -> list[Tensor]:
        return [torch.from_numpy(np.take(array, positions, axis=0)) for array in self._arrays[:columns]]


class Streamed:
    """No row is kept: worker processes decode batches ahead of use, and send them in the order asked for."""

    def __init__(self, rows: Rows, device: torch.device, workers: int | None = None) -> None:
        self._rows, self._device = rows, device
        # Workers decode for themselves; what is remembered here would only take their memory.
        rows.forget()
        # Half the cores: the other half computes.
        self._workers = workers or min(8, max(1, (os.cpu_count() or 2) // 2))
        self._asked, self._turn = _Asked(), 0

    def take(self, positions: Positions, columns: int) -> list[Tensor]:
        """Decoded here and now."""
        parts = self._rows.stacked(positions.tolist())[:columns]
        return [on_device(torch.from_numpy(part), self._device) for part in parts]

    def batches(self, order: Order, columns: int) -> Iterator[list[Tensor]]:
        """Raises RuntimeError when another pass began before this one ended: the workers serve one."""
        self._turn += 1
        turn = self._turn
        self._asked.requests = (_Request(positions, columns) for positions in order)
        for batch in self._loader:
            if isinstance(batch, UserError):
                raise batch
            yield [part.to(self._device, non_blocking=True) for part in batch]
            if turn != self._turn:
                raise RuntimeError("a streamed feed gives one sequence of batches at a time")

    @cached_property
    def _loader(self) -> DataLoader[Any]:
        """The workers live as long as this home, for each takes seconds to start."""
        return DataLoader(
            _Decoding(self._rows),
            sampler=self._asked,
            batch_size=None,  # a request is a batch already
            num_workers=self._workers,
            # Forked ones inherit locks of threads that they do not have; those of a fork server outlive us.
            multiprocessing_context="spawn",
            persistent_workers=True,
            prefetch_factor=AHEAD,
            pin_memory=self._device.type == "cuda",
            generator=torch.Generator(),  # else it draws from the stream that dropout draws from
        )


class _Request(NamedTuple):
    positions: Positions
    columns: int


class _Asked:
    """The requests of the pass under way."""

    requests: Iterable[_Request] = ()

    def __iter__(self) -> Iterator[_Request]:
        return iter(self.requests)


class _Decoding(Dataset[Any]):
    """What a worker does."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __getstate__(self) -> tuple[list[Path], bytes]:
        """With the files of data sets and tasks of one's own: the worker, a new process, has loaded none."""
        return loaded_files(DATASETS, TASKS), pickle.dumps(self.rows)

    def __setstate__(self, state: tuple[list[Path], bytes]) -> None:
        files, rows = state
        for file in files:
            load_file(file, "data set")
        self.rows = pickle.loads(rows)  # noqa: S301 - of the process that started this one

    def __getitem__(self, request: _Request) -> list[Tensor] | UserError:
        """The rows asked for, or the user's error: raised, it would come wrapped in a worker's traceback."""
        try:
            parts = self.rows.stacked(request.positions.tolist())[: request.columns]
        except UserError as error:
            return error
        return [torch.from_numpy(part) for part in parts]
