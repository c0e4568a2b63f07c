"""Checkpoints within a training: one that was stopped goes on between two iterations, with the same bits.

A trajectory's folder holds the last checkpoint and the one before it, each with its sha256 beside it.
"""

from __future__ import annotations

import copy
import io
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from benchmark.progress import Progress
from benchmark.records.round_store import read_blob, write_blob

LAST, PREVIOUS = "training.pt", "training.prev.pt"


class Training(Protocol):
    """All of a training that changes from one iteration to the next."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and texts. Raises DivergedError for weights behind a loss that is not finite."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises any error for the state of another training."""


class Kept(NamedTuple):
    """A training after some iterations, and the seconds that they took: elapsed, and of the processor."""

    iterations: int
    seconds: float
    processor: float
    state: Mapping[str, Any]


class Checkpoint:
    """Keeps nothing: a training that is stopped begins again."""

    #: What the iterations took that an earlier process did.
    seconds_before = processor_before = 0.0

    def resume(self, training: Training) -> int:
        """Bring a fresh training to where an earlier process left it; returns how many iterations that is."""
        del training
        return 0

    def keep(self, training: Training, done: int) -> None:
        """Keep the training after so many iterations, if it is time."""


class KeptCheckpoint(Checkpoint):
    """Keeps the training of a round with this key in a folder, every so many minutes.

    Only one process at a time may have the folder. What cannot be written stops no training, and what cannot
    be used is never used in silence.
    """

    def __init__(self, folder: Path, key: str, minutes: float, progress: Progress) -> None:
        self._folder, self._key, self._seconds, self._progress = folder, key, 60 * minutes, progress
        self._started = self._last = time.monotonic()
        self._worked = time.process_time()
        self._told = False

    def resume(self, training: Training) -> int:
        """See the base class. Warns of files that are broken, or that this training cannot go on from."""
        remove_files(self._folder, ".training.*.tmp")  # of a process that was killed while it wrote
        # The newest that is sound: one that was cut off while written costs a few minutes, not the
        # training.
        for name in (LAST, PREVIOUS):
            kept = self._read(self._folder / name)
            if kept is not None and _loaded(training, kept.state, self._folder / name):
                self.seconds_before, self.processor_before = kept.seconds, kept.processor
                self._progress.skip(kept.iterations)
                self._progress.say(f"{self._folder}: its training goes on after {kept.iterations} iterations")
                return kept.iterations
        return 0

    def keep(self, training: Training, done: int) -> None:
        """See the base class. Raises what ``training`` raises; a disk that is full is said once."""
        if time.monotonic() - self._last < self._seconds:
            return
        # Outside of the try: a diverged training is an error of the run, a full disk is not.
        state = training.state_dict()
        seconds = self.seconds_before + time.monotonic() - self._started
        worked = self.processor_before + time.process_time() - self._worked
        spent = {"iterations": done, "seconds": seconds, "processor": worked}
        try:
            # The key stands inside, so that a checkpoint of another round in the same folder is never
            # loaded.
            self._write({"key": self._key, **spent, "state": state})
        except OSError as error:
            self._tell(
                f"{self._folder / LAST} cannot be written ({error.strerror or error}): the training goes on"
            )
        self._last = time.monotonic()

    def _read(self, file: Path) -> Kept | None:
        """The checkpoint in a file, if it is sound and of this round."""
        try:
            content = read_blob(file)
            if content is None:
                return None
            kept = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            if kept["key"] != self._key:
                return None
            spent = float(kept["seconds"]), float(kept["processor"])
            return Kept(int(kept["iterations"]), *spent, kept["state"])
        except Exception as error:  # a file may hold anything
            _warn(file, error)
            return None

    def _write(self, content: dict[str, Any]) -> None:
        """One of the two files is whole at any moment: a broken one never takes the other's place."""
        buffer = io.BytesIO()
        torch.save(content, buffer)
        last = read_blob(self._folder / LAST)
        if last is not None:
            write_blob(self._folder / PREVIOUS, last)
        write_blob(self._folder / LAST, buffer.getvalue())

    def _tell(self, line: str) -> None:
        if not self._told:
            self._progress.say(line)
        self._told = True


def remove_checkpoints(folder: Path) -> None:
    """Remove what was kept of a training that is done."""
    for pattern in ("training.pt*", "training.prev.pt*", ".training.*.tmp"):
        remove_files(folder, pattern)


def remove_files(folder: Path, pattern: str) -> None:
    """Remove these files, as far as possible."""
    for file in folder.glob(pattern):
        with suppress(OSError):
            file.unlink()


def stream_states(device: torch.device) -> dict[str, torch.Tensor]:
    """torch's global random streams that a training on this device draws from."""
    states = {"cpu": torch.get_rng_state()}
    return states | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else states


def set_stream_states(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Go on where the states were taken. Raises ValueError for those of another kind of device."""
    if set(states) != {"cpu", device.type}:
        raise ValueError(f"it was not made on {device.type}")
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _loaded(training: Training, state: Mapping[str, Any], file: Path) -> bool:
    """Whether the training could be brought there; if not, it is as it was."""
    # Loading may fail half way, and the training then begins from what it was.
    fresh = copy.deepcopy(training.state_dict())
    try:
        training.load_state_dict(state)
    except Exception as error:  # torch has no common type for what does not fit
        _warn(file, error)
        training.load_state_dict(fresh)
        return False
    return True


def _warn(file: Path, error: Exception) -> None:
    # Of a file that it does not trust, torch says how to load it all the same.
    reason = str(error) if isinstance(error, ValueError) else type(error).__name__
    warnings.warn(f"{file} is no checkpoint of this training ({reason}) and is ignored", stacklevel=4)
