"""What killed processes leave in a folder of results, half a file or a sign of life: taken away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmark.records.heartbeat import STATUS

#: Files that are written beside their place, and the folder of pictures that is.
UNFINISHED = (".*.tmp", ".picks-*")
OF_REPORT = (".", "tables", "figures")


def remove_litter(out: Path) -> None:
    """Remove it from a folder of results that the caller holds for a run."""
    for name in OF_REPORT:
        _remove(found for pattern in UNFINISHED for found in (out / name).glob(pattern))
    remove_litter_of_jobs(out)


def remove_litter_of_jobs(out: Path) -> None:
    """Remove it from the folders of all jobs but those that a process is at: they are locked."""
    from filelock import FileLock

    for home in out.glob("*/*/seed-*"):
        if any(_litter(home)):
            with suppress(OSError), FileLock(home / ".lock", timeout=0, fallback_to_soft=False):
                _remove(_litter(home))


def _litter(home: Path) -> Iterator[Path]:
    for pattern in (*UNFINISHED, STATUS):
        yield from home.glob(pattern)


def _remove(found: Iterator[Path]) -> None:
    for path in list(found):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
