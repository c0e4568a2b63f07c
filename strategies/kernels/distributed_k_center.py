"""Greedy k-center of more points than one machine should look at: in shards, then among what they picked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strategies.kernels._lazy_farthest import farthest_first
from strategies.kernels._open_rows import open_rows
from strategies.kernels._points import Candidates, Points
from strategies.kernels._rows import StackedRows
from strategies.kernels.arrays import Features, Float64s, Positions, check_budget, checked_positions

if TYPE_CHECKING:
    from torch import Tensor


def distributed_k_center(
    features: ArrayLike | Tensor,
    budget: int,
    labelled: Sequence[int] | Positions = (),
    *,
    shards: int,
    rng: np.random.Generator,
    map: Callable[[Callable[[Shard], Positions], Iterable[Shard]], Iterable[Positions]] = map,
) -> Positions:
    """Pick ``budget`` points by greedy k-center in each of the shards, then once more among all those picks.

    Labelled points are centres in every shard and in the second round. Let r be the smallest radius that any
    ``budget`` further centres can reach: the largest distance of a point to its nearest centre. The picks
    reach 4 r (Malkomes et al. 2015, "Fast Distributed k-Center Clustering with Outliers on Massive Data"; as
    composable core-sets: Indyk et al. 2014; the scheme: GreeDi, Mirzasoleiman et al. 2013): within its shard
    every point is at most 2 r from a pick, and that pick at most 2 r from a pick of the second round. For in
    each round, if some point were left farther than 2 r, it and that round's picks would be ``budget`` + 1
    points, each more than 2 r from the others and from all labelled points, and two of them would share one
    of the ``budget`` centres within r. On one machine greedy k-center reaches 2 r.

    Args:
        features: N x d, finite; an array, a memory map, a tensor, or anything that can be sliced by rows.
        budget: number of picks, from 0 to the number of points that are not labelled.
        labelled: positions of the first centres.
        shards: number of runs of consecutive rows, each looked at on its own, at least 1; with 1 the picks
            are those of ``k_center_greedy``.
        rng: decides ties, by one number per point.
        map: applies a function to each of some work items, as the built-in does one by one. That of an
            executor or of a cluster does it elsewhere: function and items can be pickled, and the order of
            the results does not matter. Items of a memory map hold its path, which must be readable there.

    Returns:
        ``budget`` unique positions, in the order of the second round.

    Raises:
        ValueError: an argument is not as described.
    """
    rows = open_rows(features)
    centres = checked_positions("labelled", labelled, rows.count)
    if shards < 1:
        raise ValueError(f"shards is {shards}, must be at least 1")
    free = np.ones(rows.count, np.bool_)
    free[centres] = False
    check_budget(budget, np.flatnonzero(free))
    priority = rng.random(rows.count)
    source: Any = features if hasattr(features, "shape") else np.asarray(features)
    known = rows.take(centres)
    if not np.isfinite(known).all():
        wrong = centres[~np.isfinite(known).all(1)]
        raise ValueError(f"features must be finite: row {wrong[0]}, which is labelled, is not")
    work = (
        Shard(start, _portable(source[start:stop]), free[start:stop], priority[start:stop], known, budget)
        for start, stop in _runs(rows.count, shards)
        if free[start:stop].any()
    )
    picks = np.sort(np.concatenate([np.empty(0, np.int64), *map(pick_in_shard, work)]))
    return picks[_farthest(rows.take(picks), priority[picks], known, budget)]


@dataclass(frozen=True)
class MemoryMap:
    """A part of a memory map, to be opened where it is needed."""

    path: str
    dtype: str
    offset: int
    shape: tuple[int, int]

    def open(self) -> Any:
        """The part, as a memory map that is only read."""
        return np.memmap(self.path, np.dtype(self.dtype), "r", self.offset, self.shape)


@dataclass(frozen=True)
class Shard:
    """A work item of the first round: everything that it takes to pick from some consecutive rows."""

    start: int
    rows: Any  # n x d: an array, a tensor, or a MemoryMap
    free: NDArray[np.bool_]  # n: whether it may be picked
    priority: Float64s  # n
    centres: Features  # L x d: the labelled points, wherever they lie
    budget: int


def pick_in_shard(shard: Shard) -> Positions:
    """Positions, in the whole of the features, of one shard's picks."""
    rows = shard.rows.open() if isinstance(shard.rows, MemoryMap) else shard.rows
    try:
        return shard.start + _farthest(rows, shard.priority, shard.centres, shard.budget, shard.free)
    except ValueError as error:
        raise ValueError(f"in the shard that begins with row {shard.start}: {error}") from error


def _farthest(
    rows: Any, priority: Float64s, centres: Features, budget: int, free: NDArray[np.bool_] | None = None
) -> Positions:
    """Positions in ``rows`` of those farthest from ``centres`` and from each other."""
    own = open_rows(rows)
    points = Points(StackedRows(own, open_rows(centres)) if len(centres) else own)
    allowed = np.arange(own.count) if free is None else np.flatnonzero(free)
    pool = Candidates(allowed, np.ones(len(allowed)), priority[allowed])
    known = np.arange(own.count, own.count + len(centres))
    return farthest_first(points, pool, known, min(budget, len(allowed)))


def _runs(count: int, shards: int) -> Iterator[tuple[int, int]]:
    """First row and last but one of runs that differ in length by no more than 1."""
    return pairwise(count * shard // shards for shard in range(shards + 1))


def _portable(rows: Any) -> Any:
    """The same rows, or of a memory map where they are in which file: pickled, that stays small."""
    if not isinstance(rows, np.memmap) or rows.mode == "c" or not rows.flags.c_contiguous:
        return rows
    whole = rows
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    offset = rows.offset + rows.ctypes.data - whole.ctypes.data
    return MemoryMap(str(rows.filename), rows.dtype.str, offset, rows.shape)
