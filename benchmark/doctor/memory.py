"""Memory: where decoded images will live, and whether they fit there; and what streaming workers share."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmark.doctor.finding import Finding, ok, problem, warning
from benchmark.doctor.study_size import Study, nearest
from benchmark.machine_limits import GROUPS, MEMBERSHIP, free_within_limits, usable_memory
from benchmark.words import amount_of_bytes

PROCESS = 1e9  # bytes that a process takes before it has data: Python and torch
SHARED = Path("/dev/shm")  # noqa: S108 - where torch's workers hand batches over
LITTLE = 256e6  # bytes of shared memory, where no batch is known
AHEAD = 2


@dataclass(frozen=True)
class Memory:
    """Bytes: of the machine, free of it, free of the GPU if one is used, of the cache's disk, and shared."""

    total: float
    free: float
    gpu: float | None
    cache: float
    shared: float | None


def memory_here(cache: Path, gpu: float | None) -> Memory:
    """Of this machine, within its control group's limit."""
    total = usable_memory()
    free = min(total, _available(), free_within_limits(MEMBERSHIP, GROUPS))
    shared = shutil.disk_usage(SHARED).free if SHARED.is_dir() else None
    return Memory(total, free, gpu, shutil.disk_usage(nearest(cache)).free, shared)


def _available() -> float:
    """What the machine has to give; infinity where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * float(next(line.split()[1] for line in lines if line.startswith("MemAvailable")))
    except (OSError, StopIteration, IndexError, ValueError):
        return math.inf


def home_of(study: Study, memory: Memory, feed: str) -> str:
    """Where ``feed`` has the rows of a study: device, disk or stream."""
    if feed != "auto":
        return feed
    room = memory.total / 2 if memory.gpu is None else memory.gpu
    if study.rows <= room / 4:
        return "device"
    return "disk" if study.rows <= memory.cache / 2 else "stream"


def memory_findings(memory: Memory, study: Study | None, feed: str, workers: int) -> list[Finding]:
    """Main memory, the place of decoded images, and the folder of shared memory."""
    home = home_of(study, memory, feed) if study else "device"
    needed = PROCESS + (study.rows if study and home == "device" and memory.gpu is None else 0)
    found = f"{amount_of_bytes(memory.free)} free of {amount_of_bytes(memory.total)}"
    if memory.free < needed:
        advice = "End what else runs, or set feed to disk."
        return [problem("memory", f"{found}, and {amount_of_bytes(needed)} are needed", advice)]
    first = ok("memory", found)
    data = [_data_finding(memory, study, home), *_map_findings(memory, study, feed)] if study else []
    return [first, *data, *_shared_findings(memory, study, home, workers)]


def _data_finding(memory: Memory, study: Study, home: str) -> Finding:
    found = f"{amount_of_bytes(study.rows)} of decoded images, {_places(memory)[home]}"
    if home == "device" and memory.gpu is not None and study.rows > memory.gpu:
        return problem("images", found, "Set feed to auto, disk or stream: they do not fit.")
    if home == "disk" and study.rows > memory.cache:
        return problem("images", found, "Set MTAL_CACHE to a folder with room, or feed to stream.")
    if home == "stream":
        return warning("images", found, "Set MTAL_CACHE to a fast disk with room: decoding anew is slow.")
    return ok("images", found)


def _map_findings(memory: Memory, study: Study, feed: str) -> list[Finding]:
    """The maps of a frozen backbone, which ``auto`` keeps on the disk: they cost more than decoding."""
    if not study.maps:
        return []
    found = f"{amount_of_bytes(study.maps)} of a frozen backbone's maps"
    room = memory.total / 2 if memory.gpu is None else memory.gpu
    if feed in ("auto", "disk") and study.maps <= memory.cache / 2:
        return [ok("maps", f"{found}, {_places(memory)['disk']}")]
    if feed in ("auto", "device") and study.maps <= room / 4:
        return [ok("maps", f"{found}, {_places(memory)['device']}, computed anew by every process")]
    advice = "Set MTAL_CACHE to a folder with room: else the backbone is run for every batch."
    return [warning("maps", found, advice)]


def _places(memory: Memory) -> dict[str, str]:
    device = "main memory" if memory.gpu is None else f"the GPU ({amount_of_bytes(memory.gpu)} free)"
    return {
        "device": f"kept in {device}",
        "disk": f"kept in the cache folder ({amount_of_bytes(memory.cache)} free)",
        "stream": "decoded anew for every batch",
    }


def _shared_findings(memory: Memory, study: Study | None, home: str, workers: int) -> list[Finding]:
    """Only workers that stream need it: elsewhere too little is no more than a word."""
    if memory.shared is None or (study is not None and home != "stream"):
        return []
    needed = LITTLE if study is None else study.batch * AHEAD * workers
    found = f"{amount_of_bytes(memory.shared)} of shared memory in {SHARED}"
    if memory.shared >= needed:
        return [ok("shared", found)]
    advice = "Start the container with --shm-size=1g or more, or keep feed off stream."
    word = warning if study is None else problem
    return [word("shared", f"{found}, and workers that stream need {amount_of_bytes(needed)}", advice)]
