"""What a running job says of itself, every few seconds, in a file that `mtal status` and the driver read."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.progress import Progress
from benchmark.store import to_json, write_atomically

STATUS = "status.json"
EVERY = 2.0  # seconds between two signs of life
SILENT = 900.0  # seconds without one, after which a job on another host is in doubt


@dataclass(frozen=True)
class Sign:
    """A sign of life: where a job runs, which round, and how far it is. Times are seconds since 1970."""

    host: str
    pid: int
    device: str
    round: int
    #: Training iterations that this process has done, and those that it began with.
    done: int
    total: int
    started: float
    updated: float

    @property
    def lost(self) -> bool:
        """Whether nothing stands behind it any more: its process is gone, or has been silent for long."""
        if self.host != socket.gethostname():
            return time.time() - self.updated > SILENT
        begun = _begun(self.pid)
        return begun is None or begun > self.started + 2  # a later process may have the same number

    @property
    def seconds_left(self) -> float | None:
        """What the rest takes at the pace so far; None before there is one."""
        return (self.updated - self.started) * (self.total - self.done) / self.done if self.done else None


KINDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("host", "device"), str),
    **dict.fromkeys(("pid", "round", "done", "total"), int),
    **dict.fromkeys(("started", "updated"), float),
}


class Live:
    """Writes signs of life into a trajectory's folder, from when the job holds it."""

    def __init__(self, folder: Path, device: str, total: int) -> None:
        self._file = folder / STATUS
        self._fixed = {"host": socket.gethostname(), "pid": os.getpid(), "device": device, "total": total}
        self._started, self._done, self._round, self._written = time.time(), 0, 0, 0.0

    def at_round(self, number: int) -> None:
        """The job holds its folder and begins a round."""
        self._round = number
        self._write()

    def advance(self) -> None:
        """One training iteration is done."""
        self._done += 1
        if time.monotonic() - self._written > EVERY:
            self._write()

    def end(self) -> None:
        """Take the sign away; one that was never given may be another process's."""
        if self._written:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        self._written = time.monotonic()
        state = {"round": self._round, "done": self._done, "started": self._started, "updated": time.time()}
        with suppress(OSError):  # a full disk stops the results, not this
            write_atomically(self._file, to_json(self._fixed | state))


@contextmanager
def live(progress: Progress, folder: Path, device: str, total: int) -> Iterator[None]:
    """Give signs of life while the block runs, by what ``progress`` is told."""
    progress.live = Live(folder, device, total)
    try:
        yield
    finally:
        progress.live.end()
        progress.live = None


def read_sign(folder: Path) -> Sign | None:
    """The sign of life in a trajectory's folder, if there is one that can be read."""
    try:
        content = json.loads((folder / STATUS).read_bytes())
        return Sign(**{name: kind(content[name]) for name, kind in KINDS.items()})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _begun(pid: int) -> float | None:
    """When a process of this host began, in seconds since 1970; None if there is none."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = next(
            line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
        )
    except (OSError, StopIteration, IndexError, ValueError):
        return None
    return None if state == "Z" else int(booted.split()[1]) + int(rest[18]) / os.sysconf("SC_CLK_TCK")
