"""What a running job says of itself, every few seconds, in a file that `mtal status` and the driver read."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.progress import Progress
from benchmark.records.round_store import to_json, write_atomically
from benchmark.untrusted_files import read_json

STATUS = "status.json"
EVERY = 2.0  # seconds between two signs of life
FAR = 1e15  # no count and no time reaches it
SILENT = 900.0  # seconds without one, after which a job on another host is in doubt


@dataclass(frozen=True)
class Sign:
    """A sign of life: where a job runs, which round, and how far it is."""

    host: str
    pid: int
    device: str
    round: int
    #: Training iterations that are done of those that were left when this process began.
    done: int
    total: int
    #: Clock ticks from the start of the host to that of the process; a later one may have the same number.
    begun: int
    #: Since the job began, by a clock that nobody sets; and of the sign, since 1970.
    seconds: float
    updated: float
    #: Those that are done because an earlier process had done them: a checkpoint held them.
    skipped: int = 0

    @property
    def here(self) -> bool:
        """Whether the process is or was one of this machine, where it can be asked for."""
        return self.host == socket.gethostname()

    @property
    def lost(self) -> bool:
        """Whether nothing stands behind it any more: its process is gone, or has been silent for long."""
        if not self.here:
            return time.time() - self.updated > SILENT
        return _begun(self.pid) != self.begun

    @property
    def seconds_left(self) -> float | None:
        """What the rest takes at the pace so far; None before there is one."""
        here = self.done - self.skipped
        return self.seconds * (self.total - self.done) / here if here else None


KINDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("host", "device"), str),
    **dict.fromkeys(("pid", "round", "done", "total", "begun", "skipped"), int),
    **dict.fromkeys(("seconds", "updated"), float),
}


class Live:
    """Writes signs of life into a trajectory's folder, from when the job holds it."""

    def __init__(self, folder: Path, device: str, total: int) -> None:
        self._file = folder / STATUS
        self._fixed = {"host": socket.gethostname(), "pid": os.getpid(), "begun": _begun(os.getpid()) or 0}
        self._fixed |= {"device": device, "total": total}
        self._started, self._done, self._skipped, self._round, self._written = time.monotonic(), 0, 0, 0, 0.0

    def at_round(self, number: int) -> None:
        """The job holds its folder and begins a round."""
        self._round = number
        self._write()

    def advance(self) -> None:
        """One training iteration is done."""
        self._done += 1
        if time.monotonic() - self._written > EVERY:
            self._write()

    def skip(self, iterations: int) -> None:
        """So many iterations need not be done: an earlier process did them."""
        self._done += iterations
        self._skipped += iterations
        self._write()

    def end(self) -> None:
        """Take the sign away; one that was never given may be another process's."""
        if self._written:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        self._written = time.monotonic()
        counts = {"round": self._round, "done": self._done, "skipped": self._skipped}
        times = {"seconds": self._written - self._started, "updated": time.time()}
        with suppress(OSError):  # a full disk stops the results, not this
            write_atomically(self._file, to_json(self._fixed | counts | times))


@contextmanager
def live(progress: Progress, folder: Path, device: str, total: int) -> Iterator[None]:
    """Give signs of life while the block runs, by what ``progress`` is told."""
    progress.live = signs = Live(folder, device, total)
    try:
        yield
    finally:
        signs.end()
        progress.live = None


def read_sign(folder: Path) -> Sign | None:
    """The sign of life in a trajectory's folder, if there is one that can be read."""
    try:
        content = read_json(folder / STATUS)
        values = {name: kind(content[name]) for name, kind in KINDS.items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    sound = all(abs(value) < FAR for value in values.values() if not isinstance(value, str))
    return Sign(**values) if sound else None


def _begun(pid: int) -> int | None:
    """When a process of this host began, in clock ticks since the host did; None if there is none."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state == "Z" else int(rest[18])
    except (OSError, IndexError, ValueError):
        return None
