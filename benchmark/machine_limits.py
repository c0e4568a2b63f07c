"""What this process may have of the machine: the limits of its control group and of those above it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_memory() -> float:
    """Bytes of memory, of the machine or as many as a container or a job of a cluster is held to."""
    physical = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min([physical, *memory_limits(MEMBERSHIP, GROUPS)])


def free_within_limits(membership: Path, groups: Path) -> float:
    """Bytes that are left within the limits; infinity where there is none."""
    left = [limit - used for limit, used in _memory(membership, groups)]
    return min(left, default=math.inf)


def memory_limits(membership: Path, groups: Path) -> list[float]:
    """The limits of memory, in bytes, of this process's group and those above it (both versions)."""
    return [limit for limit, _ in _memory(membership, groups)]


def _memory(membership: Path, groups: Path) -> Iterator[tuple[float, float]]:
    """Limit and use of every group that has a limit."""
    for place in groups_of(membership, groups):
        yield from _pair(place, "memory.max", "memory.current")
    for place in groups_of(membership, groups / "memory", "memory"):
        yield from _pair(place, "memory.limit_in_bytes", "memory.usage_in_bytes")


def _pair(place: Path, limit: str, used: str) -> Iterator[tuple[float, float]]:
    most = _number(place / limit)
    if most is not None:
        yield most, _number(place / used) or 0.0


def groups_of(membership: Path, groups: Path, controller: str = "") -> Iterator[Path]:
    """Folders of this process's control group and those above it: of version 2, or of a controller of 1."""
    try:
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return
    own = next((path for _, names, path in lines if controller in names.split(",")), None)
    if own is None:
        return
    folder = groups / own.lstrip("/")
    for place in (folder, *folder.parents):
        if place == groups.parent:
            return
        yield place


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):  # "max", too
        return None
