"""Cores: how many there are, how many this process may use, and what else says how many threads to start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.doctor.finding import Finding, ok, warning

GROUPS = Path("/sys/fs/cgroup")
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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
    return Cores(there, bound, group_limit(Path("/proc/self/cgroup"), GROUPS))


def group_limit(membership: Path, groups: Path) -> float | None:
    """The least ``cpu.max`` of this process's control group and those above it, in cores; None for none."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    own = next((line[3:].lstrip("/") for line in lines if line.startswith("0::")), "")
    folder, limits = groups / own, list[float]()
    for place in (folder, *folder.parents):
        if place == groups.parent:
            break
        limits += _limit(place / "cpu.max")
    return min(limits, default=None)


def _limit(file: Path) -> list[float]:
    try:
        quota, period = file.read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    except (OSError, ValueError, ZeroDivisionError):
        return []


def thread_findings(cores: Cores, environment: Mapping[str, str], threads: int | None) -> list[Finding]:
    """Whether the threads of a run (None: one a core of the machine) fit, and the environment's variables."""
    wanted = threads or cores.there
    found = f"{wanted} of {cores.usable} usable cores ({cores.there} in the machine)"
    advice = f"Give --threads {cores.usable} or fewer: more threads than cores wait for each other."
    fits = wanted <= cores.usable
    first = ok("threads", found) if fits else warning("threads", found, advice)
    odd = [f for name in VARIABLES if (f := _odd(name, environment.get(name, ""), cores))]
    return [first, *odd]


def _odd(name: str, value: str, cores: Cores) -> Finding | None:
    if not value or (value.isdecimal() and 1 <= int(value) <= cores.usable):
        return None
    found = f"{name} is {value!r}, with {cores.usable} usable cores"
    return warning("threads", found, f"Unset {name}: a run sets its threads itself, from --threads.")
