"""TensorBoard: event files in the folder of results, rewritten by every run that sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from benchmark.tracking.tracker import Curve

FOLDER = "tensorboard"


class TensorBoard:
    """A folder of event files for each curve, under ``OUT/tensorboard``."""

    def __init__(self, out: Path, study: str) -> None:
        del study
        self._folder = out / FOLDER
        self.place = f"TensorBoard (tensorboard --logdir {self._folder})"

    def begin(self, curve: Curve) -> Events:
        """Begin it anew: its rounds are on disk, and all of them come again."""
        folder = self._folder / curve.place
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        return Events(folder, curve)


class Events:
    """The event file of one curve."""

    def __init__(self, folder: Path, curve: Curve) -> None:
        self._file = SummaryWriter(str(folder))
        self._file.add_text("settings", f"```json\n{json.dumps(curve.settings, indent=1)}\n```")

    def round(self, labelled: int, values: Mapping[str, float]) -> None:
        """Write a round, at once for those who watch."""
        for name, value in values.items():
            self._file.add_scalar(name, value, labelled)
        self._file.flush()

    def end(self) -> None:
        """Close the file."""
        self._file.close()
