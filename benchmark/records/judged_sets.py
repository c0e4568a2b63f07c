"""What an oracle has found within a round, kept until that is stored: a run that was stopped goes on from it.

One file in the trajectory's folder, with the key of the round: of another round, or torn, it is as none.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.records.round_store import SUM, digest_of, to_json, write_atomically
from benchmark.untrusted_files import read_json

FILE = "judged.json"
Found = tuple[float, float]  # the loss, and seconds of the processor


class JudgedSets:
    """Answers of an oracle's judge by what was asked."""

    def __init__(self, folder: Path, key: str) -> None:
        self._file, self._key = folder / FILE, key
        self._found: dict[str, Found] = {name: (loss, took) for name, (loss, took) in self._read().items()}

    def find(self, question: str) -> Found | None:
        """What was found before, in this process or an earlier one."""
        return self._found.get(question)

    def keep(self, question: str, found: Found) -> None:
        """Keep an answer. A disk that is full stops no run: what is not kept is computed again."""
        self._found[question] = found
        content = {"key": self._key, "found": self._found}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, to_json(content | {SUM: digest_of(content)}))
        except OSError as error:
            warnings.warn(f"{self._file} cannot be written ({error.strerror or error})", stacklevel=2)

    def _read(self) -> dict[str, Any]:
        if not self._file.is_file():
            return {}
        try:
            content = read_json(self._file)
            if content["key"] != self._key:
                return {}
            if content.pop(SUM) == digest_of(content) and all(map(_is_found, content["found"].values())):
                return dict(content["found"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # said below: a file may hold anything
        warnings.warn(f"{self._file} is not what a run writes and is ignored", stacklevel=3)
        return {}


def question_of(ids: Iterable[str], length: float) -> str:
    """What is asked: which images, whatever their order, and how long a training."""
    return hashlib.sha256("\0".join([repr(float(length)), *sorted(ids)]).encode()).hexdigest()


def remove_judged(folder: Path) -> None:
    """Remove what was kept within a round that is stored."""
    (folder / FILE).unlink(missing_ok=True)


def _is_found(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(one, int | float) and math.isfinite(one) for one in value)
    )
