"""Starts the command, strikes it, starts it again, and looks whether anything is lost.

Processes are forked from one that has imported torch already: a blow then meets the command's work, not its
imports. What they run is the command itself; ``cold`` ones begin at the interpreter, as a user's do.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from benchmark.records.heartbeat import Sign, read_sign

ROOT = Path(__file__).parents[2]
IMPORTED = ["harness", "benchmark.cli.main", "benchmark.execution.serial", "benchmark.report", "seaborn"]
PATIENCE = 600.0  # seconds for anything, on however busy a machine
#: Of a round: all that must be the same, whatever happened on the way; not times.
SAME = ("key", "labelled", "selected", "scores", "metrics", "weights_digest")
Numbers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Command:
    """A command under way, which leads a session of its own; what it says goes to a file."""

    process: ForkServerProcess
    log: Path

    @property
    def pid(self) -> int:
        """Number of its process, and of its session."""
        assert self.process.pid is not None
        return self.process.pid

    def strike(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(self.pid, number)

    def code(self, seconds: float = PATIENCE) -> int:
        """Its exit code, when it has ended; minus the signal that killed it."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, f"still running after {seconds} s:\n{self.said}"
        return self.process.exitcode

    @property
    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for a condition; returns what it gave, or None if the command ends first."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()) and self.process.is_alive():
            assert time.monotonic() < deadline, f"waited too long:\n{self.said}"
            time.sleep(0.01)
        return found or None


def start(
    arguments: list[object], log: Path, environment: dict[str, str], cold: bool = False, clock: int = 0
) -> Command:
    """Start ``mtal`` with these arguments; every second its clock is set, by so many hours and back."""
    log.touch()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    words = [str(argument) for argument in arguments]
    process = context.Process(target=_become, args=(words, log, environment, cold, clock))
    process.start()
    return Command(process, log)


def _become(words: list[str], log: Path, environment: dict[str, str], cold: bool, clock: int) -> None:
    os.setsid()  # as a terminal gives a command one: its children can be told by it
    os.chdir(ROOT)
    os.environ.update({"CUDA_VISIBLE_DEVICES": "", **environment})
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    if cold:
        os.execv(sys.executable, [sys.executable, "-m", "benchmark", *words])
    from benchmark.cli.main import main

    sys.argv = ["mtal", *words]
    _set_clock(clock)
    main()


def _set_clock(hours: int) -> None:
    true = time.time
    time.time = lambda: true() + 3600 * hours * (int(time.monotonic()) % 2)


def session_of(leader: int) -> dict[int, str]:
    """What runs in the session of a process: itself, and all that it started. Names by number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def assert_gone(command: Command, seconds: float = 10.0) -> None:
    """Nothing that a command started is left after these seconds."""
    deadline = time.monotonic() + seconds
    while left := list(session_of(command.pid).values()):
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.05)


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for a condition that no command of ours decides."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def kill_session(leader: int) -> None:
    """Kill a process and all that it started, at once."""
    for number in session_of(leader):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def numbers(folder: Path) -> Numbers:
    """Of every stored round, by its place: all that must be the same."""
    records = {str(file.relative_to(folder)): json.loads(file.read_bytes()) for file in round_files(folder)}
    return {place: {name: record[name] for name in SAME} for place, record in records.items()}


def round_files(folder: Path) -> list[Path]:
    """The files of all stored rounds."""
    return sorted(folder.glob("*/*/seed-*/round-*.json"))


def assert_same(folder: Path, undisturbed: Path) -> None:
    """The same numbers to the last bit, and nothing left of what did not come to its end."""
    assert (folder / "results.csv").read_bytes() == (undisturbed / "results.csv").read_bytes()
    assert numbers(folder) == numbers(undisturbed)
    assert not (left := litter(folder)), left


def litter(folder: Path) -> list[Path]:
    """Temporary files and folders, signs of life, errors, checkpoints; what submitit keeps is its own."""
    dotted = [path for path in folder.rglob(".*") if not path.name.endswith(".lock")]
    hidden = [path for path in dotted if path.parent != folder / "slurm"]
    names = ("*.tmp", "status.json", "error.txt", "training*")
    return [*hidden, *(path for name in names for path in folder.rglob(name))]


def begun(folder: Path) -> int:
    """Rounds in the making: what a blow now costs."""
    return sum(not (home / f"round-{sign.round:02d}.json").is_file() for home, sign in _signs(folder))


def signs(folder: Path) -> list[Sign]:
    """The signs of life of jobs that train now."""
    return [sign for _, sign in _signs(folder) if sign.done and not sign.lost]


def _signs(folder: Path) -> Iterator[tuple[Path, Sign]]:
    for home in folder.glob("*/*/seed-*"):
        if (sign := read_sign(home)) is not None:
            yield home, sign
