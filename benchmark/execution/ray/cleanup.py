"""Ends what Ray leaves behind when the command that started it is killed.

Ray's servers die with the command. Its agents, and workers that were just starting, would wait for them for
up to a minute. This module is also the program that waits for the end of the command, and so imports nothing
of ours.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PASSES = 2  # in a row that must find nothing: a process may be about to start another
PAUSE = 0.1  # seconds between passes
PATIENCE = 10.0  # seconds for all of them


@contextmanager
def reaped() -> Iterator[None]:
    """Ends whatever of this process's own Ray outlives the block, or this process."""
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(os.getsid(0))]
    # A session of its own: what ends the command's, such as Ctrl-C, must not end this too.
    waiting = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own
    try:
        yield
    finally:
        waiting.communicate()  # ends its input


def reap(command: int, session: int) -> None:
    """Kill all processes of the Ray that a command of this number started, in a terminal's session."""
    deadline, nothing = time.monotonic() + PATIENCE, 0
    while nothing < PASSES and time.monotonic() < deadline:
        found = [process for process in _of_session(session) if _belongs_to_ray_of(command, process)]
        for process in found:
            with suppress(OSError):
                os.kill(int(process.name), signal.SIGKILL)
        nothing = 0 if found else nothing + 1
        time.sleep(PAUSE)


def _of_session(session: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, its = (process / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                yield process


def _belongs_to_ray_of(command: int, process: Path) -> bool:
    """Whether it has a log of Ray open: their folder's name ends with the number of who called for Ray."""
    log = re.compile(rf"/session_[^/]*_{command}/logs/")
    return int(process.name) != command and any(log.search(name) for name in _open_files(process))


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):  # it has ended, or is another user's
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


if __name__ == "__main__":
    sys.stdin.read()  # until the command closes it, or is no more
    reap(int(sys.argv[1]), int(sys.argv[2]))
