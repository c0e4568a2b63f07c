"""The rounds that a run left behind, one JSON file each: which images were labelled, and which came next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST = 2**28  # bytes of a file: a round keeps the scores of every image, and this is room for a million


@dataclass(frozen=True)
class StoredRound:
    """Image ids that one round trained on, and those that it chose next."""

    file: Path
    labelled: tuple[str, ...]
    selected: tuple[str, ...]


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


def stored_round(folder: Path, labelled: Sequence[str]) -> StoredRound:
    """The round that had exactly these images labelled, in whatever order.

    Raises ValueError for none, for several that selected different images, and for a file that is no round.
    """
    files = round_files(folder)
    found = [known for known in map(_read, files) if set(known.labelled) == set(labelled)]
    if not found:
        some = ", ".join([*sorted(labelled)[:3], *(["..."] if len(labelled) > 3 else [])])
        raise ValueError(
            f"none of the {len(files)} rounds in {folder} has the {len(labelled)} labelled images of this "
            f"one ({some}): give the data set, seeds and budgets of the stored run"
        )
    other = next((known for known in found if known.selected != found[0].selected), None)
    if other:
        raise ValueError(
            f"{found[0].file} and {other.file} have the same labelled images and selected different ones: "
            "give the folder of one of them"
        )
    return found[0]


def _read(file: Path) -> StoredRound:
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise ValueError(f"{file} must be a file of at most {LARGEST >> 20} MiB, as a run writes it")
    try:
        content = json.loads(file.read_bytes())
        labelled, selected = (_ids(content[name]) for name in ("labelled", "selected"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{file} is not a stored round ({type(error).__name__}): run that trajectory again"
        ) from None
    return StoredRound(file, labelled, selected)


def _ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(image, str) for image in value):
        raise TypeError("not a list of image ids")
    return tuple(value)
