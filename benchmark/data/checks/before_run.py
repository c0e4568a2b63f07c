"""Before anything is trained: what `mtal data check` finds, looked for once for each state of the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.cache_folder import cache_folder
from benchmark.data.checks.check import CheckReport, check_dataset
from benchmark.data.dataset import MultiTaskDataset
from benchmark.errors import UserError
from benchmark.records.round_store import to_json, write_atomically
from benchmark.untrusted_files import read_json

#: Raise it with every change of a rule: what older ones have found is looked for again.
RULES = 1
MANY = 500  # images: to look at so many takes seconds
Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """The problems of a data set that no run accepts, and those that it says."""

    fatal: tuple[str, ...]
    warnings: tuple[str, ...]


def require_sound(dataset: MultiTaskDataset, say: Say) -> MultiTaskDataset:
    """The data set itself, once what is doubtful has been said. Raises UserError for what is fatal."""
    found = Found((), ()) if dataset.exact else found_in(dataset, say)
    for line in found.warnings:
        say(f"Data of {dataset.name}: {line}")
    if found.fatal:
        lines = "".join(f"\n  {line}" for line in found.fatal)
        raise UserError(f"The data of {dataset.name!r} are not to be trained on:{lines}")
    return dataset


def found_in(dataset: MultiTaskDataset, say: Say) -> Found:
    """What is wrong with a data set: as noted when it was last looked at, or by looking at all of it."""
    file = _file(dataset)
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = read_json(file)
        return Found(tuple(map(str, noted["fatal"])), tuple(map(str, noted["warnings"])))
    if (images := len(dataset.train.ids) + len(dataset.val.ids)) >= MANY:
        say(f"Looking at the labels of all {images} images, once")
    return remember(dataset, check_dataset(dataset))


def remember(dataset: MultiTaskDataset, report: CheckReport) -> Found:
    """Note what a check of all images found, for runs to come; a cache that cannot be written costs time."""
    file, found = _file(dataset), Found(report.fatal, report.warnings)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, to_json({"fatal": found.fatal, "warnings": found.warnings}))
    return found


def _file(dataset: MultiTaskDataset) -> Path:
    return cache_folder() / f"checked-{RULES}" / f"{_key(dataset)[:32]}.json"


def _key(dataset: MultiTaskDataset) -> str:
    """Of the data, of what is made of them, and of how: the first sample of each split as decoded today."""
    tasks = [[task.name, task.kind, task.classes] for task in dataset.tasks]
    findings = [finding.text for finding in dataset.findings]
    place = str(dataset.origin.folder) if dataset.origin else ""  # sentences name files
    key: list[Any] = [
        dataset.key,
        dataset.train.ids,
        dataset.val.ids,
        tasks,
        repr(dataset.codings),
        findings,
        place,
    ]
    for split in (dataset.train, dataset.val):
        with suppress(UserError, IndexError):
            labels = split[0].labels
            key += [[name, hashlib.sha256(_bytes(labels[name])).hexdigest()] for name in sorted(labels)]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values).tobytes()
