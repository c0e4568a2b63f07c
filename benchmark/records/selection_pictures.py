"""Small pictures of what was chosen, as they are kept: first images of a selection, maps of its strategy.

``picks-RR/`` beside a round's record holds ``picks.json`` (ids, scores), ``1.jpg`` for the first image chosen
and ``1-map-1.jpg`` for its first map. They are derived data: no number depends on them, and a failure to keep
them loses no round.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.records.round_store import to_json
from benchmark.untrusted_files import parsed_json, read_bytes

if TYPE_CHECKING:  # whoever only reads pictures needs no torch
    pass

FORMAT = 1


PICKS = 6


LIST = "picks.json"


LARGEST = 200_000  # bytes of a file: more than these ever have


@dataclass(frozen=True)
class Pick:
    """One image chosen: JPEG bytes of the image and of its maps by task, and its scores by task.

    With a score goes the share (0..1) of the images to choose from that scored lower; a task for which all
    of them scored the same is left out.
    """

    image_id: str
    image: bytes
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    maps: Mapping[str, bytes] = field(default_factory=dict)


def picks_folder(trajectory: Path, number: int) -> Path:
    """Where the pictures of a round are."""
    return trajectory / f"picks-{number:02d}"


def write_picks(folder: Path, picks: Sequence[Pick]) -> None:
    """Write the pictures so that the folder is there whole or not at all. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        new = Path(temporary) / "new"  # the temporary folder itself is for its owner's eyes only
        new.mkdir()
        for name, content in _files(picks):
            (new / name).write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)


def read_picks(folder: Path) -> list[Pick]:
    """The pictures of a round; those that are missing, torn or no pictures are left out."""
    try:
        listed = parsed_json(_content(folder / LIST))
        entries = listed["picks"] if listed["format"] == FORMAT else []
        picks = [_read_pick(folder, number, entry) for number, entry in enumerate(entries[:PICKS], start=1)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return []
    return [pick for pick in picks if pick.image]


def _files(picks: Sequence[Pick]) -> Iterator[tuple[str, bytes]]:
    for number, pick in enumerate(picks, start=1):
        yield f"{number}.jpg", pick.image
        yield from ((f"{number}-map-{at}.jpg", content) for at, content in enumerate(pick.maps.values(), 1))
    listed = [
        {
            "image": pick.image_id,
            "scores": [[task, *score] for task, score in pick.scores.items()],
            "maps": list(pick.maps),
        }
        for pick in picks
    ]
    yield LIST, to_json({"format": FORMAT, "picks": listed})


def _read_pick(folder: Path, number: int, entry: Mapping[str, Any]) -> Pick:
    maps = {
        str(task): _jpeg_in(folder / f"{number}-map-{at}.jpg")
        for at, task in enumerate(entry["maps"], start=1)
    }
    return Pick(
        image_id=str(entry["image"]),
        image=_jpeg_in(folder / f"{number}.jpg"),
        scores={str(task): (float(score), float(lower)) for task, score, lower in entry["scores"]},
        maps={task: content for task, content in maps.items() if content},
    )


def _jpeg_in(path: Path) -> bytes:
    """What is in a JPEG file; nothing if it is missing, torn or something else."""
    content = _content(path)
    return content if content.startswith(b"\xff\xd8\xff") and content.endswith(b"\xff\xd9") else b""


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, LARGEST)
    except OSError:
        return b""
