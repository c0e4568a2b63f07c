"""Cores: how many there are, how many this process may use, and how many threads a run takes of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmark.machine_limits import GROUPS, MEMBERSHIP, groups_of

#: How many threads this process was asked to start, where that is a number: as libraries do, it is read once,
#: for a run sets it for libraries that are loaded later.
ASKED = os.environ.get("OMP_NUM_THREADS", "")


@dataclass(frozen=True)
class Cores:
    """Cores of the machine, those that this process is bound to, and those' time that it may use."""

    there: int
    bound: int
    limit: float | None = None

    @property
    def usable(self) -> int:
        """Threads that can run at once."""
        return max(1, min(self.there, self.bound, int(self.limit or self.there)))


def cores_here() -> Cores:
    """Of this machine, by its affinity and its control group."""
    there = os.cpu_count() or 1
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    return Cores(there, bound, group_limit(MEMBERSHIP, GROUPS))


def group_limit(membership: Path, groups: Path) -> float | None:
    """The least ``cpu.max`` of this process's control group and those above it, in cores; None for none."""
    limits = [limit for place in groups_of(membership, groups) for limit in _limit(place / "cpu.max")]
    return min(limits, default=None)


def _limit(file: Path) -> list[float]:
    try:
        quota, period = file.read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    except (OSError, ValueError, ZeroDivisionError):
        return []


def default_threads() -> int:
    """CPU threads of a run that names none, on this machine."""
    return threads_for(ASKED, cores_here())


def threads_for(asked: str, cores: Cores) -> int:
    """As many as are asked for, if that is a number from 1, and no more than there are usable cores.

    More threads than cores wait for each other: training is then several times slower.
    """
    number = int(asked) if asked.isdecimal() else 0
    return min(number, cores.usable) if number else cores.usable
