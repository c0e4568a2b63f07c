"""What went wrong with a job: the machine's fault, which another try may mend, or the code's."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import BusyError, UserError
from benchmark.records.round_store import write_atomically
from benchmark.untrusted_files import read_bytes
from strategies.registry import RegistryError

ERROR = "error.txt"
LARGEST = 2**24  # bytes of it: more than any traceback has
#: Disks that are full or gone, networks that are down, tables of the kernel that are full: not a wrong path.
OF_MACHINE = {
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EIO", "ESTALE", "ENODEV", "ENXIO", "ENOMEM", "EAGAIN", "EMFILE", "ENFILE"),
        *("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ECONNRESET", "ECONNREFUSED"),
        *("EPIPE", "EREMOTEIO", "ENOTCONN", "EBUSY"),
    )
    if hasattr(errno, name)
}
#: PyTorch has no type of its own for these; an assertion on the device is a wrong index in somebody's code.
OF_DEVICE = re.compile(
    r"CUDA (driver )?error|CUDNN_STATUS|CUBLAS_STATUS|cuFFT error|"
    r"DataLoader worker .*(killed|exited unexpectedly)"
)
OF_CODE = re.compile(r"device-side assert|invalid (argument|configuration)")


@dataclass(frozen=True)
class Fault:
    """Why a job did not succeed, in one sentence, and whose fault that is."""

    cause: Literal["machine", "code", "busy"]
    reason: str


def fault_of(error: Exception, folder: Path) -> Fault:
    """What an exception of a job says about it; ``error.txt`` in its folder keeps it, traceback and all."""
    if isinstance(error, BusyError):  # the folder is another process's
        return Fault("busy", str(error))
    machine = any(map(_of_machine, _causes(error)))
    expected = isinstance(error, UserError | RegistryError)
    kept = _kept(folder, f"{error}\n" if expected else "".join(traceback.format_exception(error)))
    first = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    reason = str(error) if expected else f"{first} (see {folder / ERROR})" if kept else first
    return Fault("machine" if machine else "code", reason)


def kept_error(folder: Path) -> str | None:
    """The last line of a trajectory's ``error.txt``, which says what happened; None without one."""
    try:
        lines = read_bytes(folder / ERROR, LARGEST).decode(errors="replace").split("\n")
    except OSError:
        return None
    return next(
        (line.strip() for line in reversed(lines) if line.strip()), "for a reason that it does not say"
    )


def _kept(folder: Path, text: str) -> bool:
    with suppress(OSError):  # the disk may be what failed
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / ERROR, text.encode())
        return True
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__


def _of_machine(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in OF_MACHINE
    text = str(error)
    return isinstance(error, RuntimeError) and bool(OF_DEVICE.search(text)) and not OF_CODE.search(text)
