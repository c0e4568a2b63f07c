"""The rounds that a run left behind, one JSON file each: which images were labelled, and which came next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**28  # bytes of a file: a round keeps the scores of every image, and this is room for a million
#: What stands in the file of a round that bought labels by themselves.
SELECTED = b'"selected_labels"'


@dataclass(frozen=True)
class StoredRound:
    """Image ids that one round trained on, and those that it chose next.

    And the tasks whose labels each of them has, or gets; None where images are whole.
    """

    file: Path
    labelled: tuple[str, ...]
    selected: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...] | None = None
    selected_labels: tuple[tuple[str, ...], ...] | None = None

    @property
    def chosen(self) -> tuple[Any, Any]:
        """The images, and of which of their labels."""
        return self.selected, self.selected_labels

    def known(self, tasks: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of the tasks each labelled image has a label for."""
        each = self.labels or [tuple(tasks)] * len(self.labelled)
        return {image: frozenset(names) for image, names in zip(self.labelled, each, strict=True)}

    def bought(self, tasks: Sequence[str]) -> NDArray[np.bool_] | None:
        """Of which of the tasks each selected image gets the label (selected x T); None for all it lacks."""
        if self.selected_labels is None:
            return None
        return np.array([[task in names for task in tasks] for names in self.selected_labels], np.bool_)


def round_files(folder: Path) -> list[Path]:
    """Files of all rounds of one seed of a strategy (``seed-0``), or of all its seeds.

    Raises ValueError where there are none.
    """
    files = sorted(file for where in ("", "seed-*/") for file in folder.glob(f"{where}round-*.json"))
    if not files:
        raise ValueError(
            f"{folder} holds no stored rounds: give RESULTS/DATASET/STRATEGY of a run, or a seed-K in it"
        )
    return files


def bought_labels(folder: Path) -> bool:
    """Whether any round of a folder bought labels by themselves; a folder without rounds did not."""
    files = (file for where in ("", "seed-*/") for file in folder.glob(f"{where}round-*.json"))
    return any(SELECTED in file.read_bytes() for file in files if _is_readable(file))


def _is_readable(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= LARGEST


def stored_round(folder: Path, labelled: Mapping[str, frozenset[str]], tasks: Sequence[str]) -> StoredRound:
    """The round that had exactly these labels, in whatever order: of each image those of some of the tasks.

    Raises ValueError for none, for several that selected different images, and for a file that is no round.
    """
    files = round_files(folder)
    found = [stored for stored in map(_read, files) if stored.known(tasks) == labelled]
    if not found:
        some = ", ".join([*sorted(labelled)[:3], *(["..."] if len(labelled) > 3 else [])])
        raise ValueError(
            f"none of the {len(files)} rounds in {folder} has the {len(labelled)} labelled images of this "
            f"one ({some}): give the data set, seeds and budgets of the stored run"
        )
    other = next((stored for stored in found if stored.chosen != found[0].chosen), None)
    if other:
        raise ValueError(
            f"{found[0].file} and {other.file} have the same labelled images and selected different ones: "
            "give the folder of one of them"
        )
    return found[0]


def _read(file: Path) -> StoredRound:
    if not _is_readable(file):
        raise ValueError(f"{file} must be a file of at most {LARGEST >> 20} MiB, as a run writes it")
    try:
        content = json.loads(file.read_bytes())
        labelled, selected = (_ids(content[name]) for name in ("labelled", "selected"))
        labels = _names(content.get("labels"), labelled)
        selected_labels = _names(content.get("selected_labels"), selected)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{file} is not a stored round ({type(error).__name__}): run that trajectory again"
        ) from None
    return StoredRound(file, labelled, selected, labels, selected_labels)


def _names(value: object, images: Sequence[str]) -> tuple[tuple[str, ...], ...] | None:
    """The tasks of each of these images. Raises TypeError for what is none."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != len(images):
        raise TypeError("not the tasks of every image")
    return tuple(map(_ids, value))


def _ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(image, str) for image in value):
        raise TypeError("not a list of image ids")
    return tuple(value)
