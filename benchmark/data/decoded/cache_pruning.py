"""What the cache of decoded images holds, and what nobody has used for long taken away. Imports no torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.cache_folder import cache_folder

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Kept:
    """The decoded images of one split: their folder, bytes, and seconds since 1970 when last opened."""

    folder: Path
    size: int
    used: float

    @property
    def line(self) -> str:
        """As the command shows it."""
        days = max(0, int((time.time() - self.used) / DAY))
        return f"{gigabytes(self.size)}  last opened {days} days ago  {self.folder}"


def kept_sets() -> list[Kept]:
    """All sets of decoded images, also what killed processes left; what was not opened for longest first."""
    folders = [path for path in cache_folder().glob("arrays-*/*") if path.is_dir()]
    return sorted((found for path in folders for found in _kept(path)), key=lambda kept: kept.used)


def pruned(days: float) -> list[Kept]:
    """Take away the sets that were not opened for so many days, and return them. Raises OSError.

    What another process is writing at this moment stays. A run that has a set open keeps its contents.
    """
    return [kept for kept in kept_sets() if time.time() - kept.used >= days * DAY and _removed(kept.folder)]


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; those that vanish meanwhile count for nothing."""
    return sum(map(_size, folder.rglob("*")))


def gigabytes(size: int) -> str:
    """Bytes as ``0.12 GB``, in a column."""
    return f"{size / 1e9:8.2f} GB"


def _kept(folder: Path) -> Iterator[Kept]:
    try:
        yield Kept(folder, size_of(folder), folder.stat().st_mtime)
    except FileNotFoundError:  # another process took it away
        return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _removed(folder: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder.with_suffix(".lock"), timeout=0, fallback_to_soft=False):
            shutil.rmtree(folder)
    except (Timeout, FileNotFoundError):
        return False
    return True
