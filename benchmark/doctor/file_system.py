"""The file system of the results: locks, renames and times as the store needs them, tried for real.

Everything happens in a folder of its own beside where the results will be, which is taken away again. Both
processes are of this machine: what two machines see of each other is their file system's promise.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.doctor.finding import Finding, ok, problem, reason, warning
from benchmark.doctor.study_size import nearest

PATIENCE = 10.0  # seconds for what should happen at once
APART = 5.0  # seconds between two clocks that are worth a word
HOLDER = """
import sys, time
from pathlib import Path
from filelock import FileLock
from benchmark.records.round_store import write_atomically
folder = Path(sys.argv[1])
with FileLock(folder / ".lock", fallback_to_soft=False):
    write_atomically(folder / "seen", b"whole")
    print("held", flush=True)
    time.sleep(600)
"""
ANOTHER = (
    "Give --out on a local disk, or on a network file system that is mounted with locks (NFS: not nolock)."
)


def folder_findings(out: Path) -> list[Finding]:
    """All checks of this file, where the results in ``out`` will be."""
    place = nearest(out)
    try:
        with tempfile.TemporaryDirectory(prefix=".mtal-doctor-", dir=place) as probe:
            return [writing_finding(Path(probe)), *lock_findings(Path(probe)), clock_finding(Path(probe))]
    except OSError as error:
        advice = "Give --out where you may write, or make room."
        return [problem("results", f"{place} cannot be written to ({reason(error)})", advice)]


def writing_finding(folder: Path) -> Finding:
    """Whether a file is replaced whole and reaches the disk, twice, as a round's file does."""
    from benchmark.records.round_store import write_atomically

    file = folder / "written"
    try:
        for content in (b"old", b"new"):
            write_atomically(file, content)
        sound = file.read_bytes() == b"new" and [path.name for path in folder.iterdir()] == ["written"]
    except OSError as error:
        return problem("writing", f"rename or fsync fails in {folder.parent} ({reason(error)})", ANOTHER)
    if not sound:
        return problem("writing", f"a rename in {folder.parent} did not replace the file", ANOTHER)
    return ok("writing", f"files are replaced whole and synced in {folder.parent}")


def lock_findings(folder: Path) -> list[Finding]:
    """Whether a lock and a file of another process are seen, and the lock falls when that one is killed."""
    with _holder(folder) as (kill, error):
        if error:
            return [problem("locks", f"none can be taken in {folder.parent} ({error})", ANOTHER)]
        held, seen = not _taken(folder, 0.0), _within(lambda: _read(folder / "seen") == b"whole")
        kill()
    return [_lock_finding(folder, held), _sight_finding(folder, seen)]


def _lock_finding(folder: Path, held: bool) -> Finding:
    started = time.monotonic()
    if not held:
        found = f"two processes held the same lock in {folder.parent}: they would train the same rounds"
        return problem("locks", found, ANOTHER)
    if not _taken(folder, PATIENCE):
        found = f"a killed process still holds its lock in {folder.parent} after {PATIENCE:g} s"
        return problem("locks", found, ANOTHER)
    milliseconds = 1000 * (time.monotonic() - started)
    return ok(
        "locks", f"held against another process, free {milliseconds:.0f} ms after its holder was killed"
    )


def _sight_finding(folder: Path, seen: float | None) -> Finding:
    if seen is None:
        found = f"a file that another process wrote in {folder.parent} is not there after {PATIENCE:g} s"
        return problem("sharing", found, ANOTHER)
    return ok("sharing", f"another process's file is seen after {1000 * seen:.0f} ms")


def clock_finding(folder: Path, now: Callable[[], float] = time.time) -> Finding:
    """Whether the file system's times are this machine's: signs of life are told by them."""
    file = folder / "clock"
    file.write_bytes(b"")
    apart = file.stat().st_mtime - now()
    if abs(apart) <= APART:
        return ok("clock", "the file system's time is this machine's")
    direction = "ahead of" if apart > 0 else "behind"
    found = f"the file system's time is {abs(apart):.0f} s {direction} this machine's"
    return warning("clock", found, "Set both by NTP, or `mtal status` takes living jobs of others for lost.")


@contextmanager
def _holder(folder: Path) -> Iterator[tuple[Callable[[], None], str]]:
    """A process that holds a lock; a way to kill it, and why it holds none if it does not."""
    command, here = [sys.executable, "-c", HOLDER, str(folder)], Path(__file__).parents[2]
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here
    )

    def kill() -> None:
        process.kill()
        process.wait()

    try:
        said = process.stdout.readline() if process.stdout else ""
        error = (
            "" if said == "held\n" else (process.communicate()[1].strip().splitlines() or ["it ended"])[-1]
        )
        yield kill, error
    finally:
        kill()
        process.communicate()


def _taken(folder: Path, seconds: float) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / ".lock", timeout=seconds, fallback_to_soft=False):
            return True
    except Timeout:
        return False


def _within(condition: Callable[[], bool]) -> float | None:
    """Seconds until it held; None if it did not in time."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > PATIENCE:
            return None
        time.sleep(0.01)
    return time.monotonic() - started


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
