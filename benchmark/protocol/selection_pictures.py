"""Small pictures of what was chosen: the first images of a selection, and where their strategy looked.

``picks-RR/`` beside a round's record holds ``picks.json`` (ids, scores), ``1.jpg`` for the first image chosen
and ``1-map-1.jpg`` for its first map. They are derived data: no number depends on them, a failure to keep
them loses no round, and a stored round's are never made again.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.records.round_store import to_json
from benchmark.untrusted_files import parsed_json, read_bytes
from strategies.interface import Pool, Positions, Selection, Strategy
from strategies.ranking import ranks

if TYPE_CHECKING:  # whoever only reads pictures needs no torch
    from benchmark.protocol.bench import Bench
    from benchmark.random_streams import Streams
    from benchmark.training.train import Trained

FORMAT = 1
PICKS = 6
SIDE, MAP_SIDE = 160, 96  # pixels of the longer side, at most
LIST = "picks.json"
LARGEST = 200_000  # bytes of a file: more than these ever have
#: Colours of a map over an image, from where it is lowest to where it is highest.
HEAT = ((40, 10, 110), (200, 30, 90), (250, 130, 30), (255, 240, 110))


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


def keep_picks(
    bench: Bench,
    strategy: Strategy,
    name: str,
    trained: Trained,
    streams: Streams,
    pool: Pool,
    selection: Selection,
) -> None:
    """Keep pictures of the first images of a selection in its trajectory's folder; a failure is only said."""
    try:
        maps = _maps(bench, strategy, name, trained, streams, selection.indices[:PICKS])
        trajectory = bench.store.trajectory(streams.dataset, name, streams.seed)
        write_picks(picks_folder(trajectory, pool.round), list(_picks(bench, pool, selection, maps)))
    except Exception as error:  # a user's maps may fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        bench.progress.say(
            f"{name}, seed {streams.seed}, round {pool.round}: pictures of its first picks were not kept: "
            f"{reason}"
        )


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


def over(image: NDArray[np.uint8], heat: NDArray[Any]) -> NDArray[np.uint8]:
    """A map (h x w, 0..1) over the grey of an image of its size (h x w x 3); the grey alone where it is 0."""
    grey = 0.6 * image.mean(2, keepdims=True)
    places = np.linspace(0, 1, len(HEAT))
    colour = np.stack([np.interp(heat, places, channel) for channel in np.transpose(HEAT)], -1)
    opacity = 0.85 * np.sqrt(heat)[..., None]
    return np.asarray(np.round(grey * (1 - opacity) + colour * opacity), np.uint8)


def _maps(
    bench: Bench, strategy: Strategy, name: str, trained: Trained, streams: Streams, positions: Positions
) -> dict[str, NDArray[Any]]:
    """The strategy's maps of these images by task (P x h x w), 0 to 1 over all of them."""
    if type(strategy).maps is Strategy.maps:
        return {}
    size = bench.experiment.recipe.evaluation_batch_size
    starts = range(0, len(positions), size)
    parts = [_maps_of(bench, strategy, name, trained, streams, positions[at : at + size]) for at in starts]
    return {task: _scaled(np.concatenate([part[task] for part in parts])) for task in parts[0]}


def _maps_of(
    bench: Bench, strategy: Strategy, name: str, trained: Trained, streams: Streams, positions: Positions
) -> dict[str, NDArray[Any]]:
    import torch

    from benchmark.data.feed import Batch
    from benchmark.training.observe import observed
    from benchmark.training.views import Shown

    feed, precision = bench.pool, bench.experiment.recipe.precision
    batch = feed.batch(positions) if strategy.reference else Batch(feed.images(positions), {})
    ids = [feed.ids[position] for position in positions.tolist()]
    with torch.no_grad():
        shown = Shown(trained.network.eval(), batch.images, ids, feed.tasks, streams, precision)
        maps = strategy.maps(observed(shown, trained.companions.get(name), strategy, batch))
    names = [task.name for task in feed.tasks if task.name in maps]
    found = {task: maps[task].float().cpu().numpy() for task in names}
    for task, values in found.items():
        if values.ndim != 3 or len(values) != len(positions):
            raise ValueError(f"its maps of {task} are of shape {values.shape}, not images x height x width")
    return found


def _scaled(maps: NDArray[Any]) -> NDArray[Any]:
    """0 to 1 over all these maps; their highest hundredth is 1, for single pixels stand out far."""
    finite = np.nan_to_num(maps, nan=0, posinf=0, neginf=0)
    low, high = float(finite.min()), float(np.percentile(finite, 99))
    return np.asarray(np.clip((finite - low) / max(high - low, 1e-12), 0, 1))


def _picks(
    bench: Bench, pool: Pool, selection: Selection, maps: Mapping[str, NDArray[Any]]
) -> Iterator[Pick]:
    chosen = selection.indices[:PICKS]
    pixels = (bench.pool.images(chosen) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    told = _told(pool, selection)
    for place, position in enumerate(chosen.tolist()):
        picture = Image.fromarray(pixels[place])
        yield Pick(
            image_id=pool.ids[position],
            image=_jpeg(_small(picture, SIDE)),
            scores={task: tuple(scores[position].tolist()) for task, scores in told.items()},
            maps={task: _jpeg(_drawn(picture, values[place])) for task, values in maps.items()},
        )


def _told(pool: Pool, selection: Selection) -> dict[str, NDArray[Any]]:
    """By task, if it tells any images apart: of all N, the score and the share to choose from below it."""
    if selection.scores is None:
        return {}
    told = {}
    for task, scores in zip(pool.tasks, selection.scores.T, strict=True):
        free = scores[pool.unlabelled]
        if np.ptp(free) > 0:
            lower = np.zeros(len(scores))
            lower[pool.unlabelled] = ranks(free[:, None])[:, 0]
            told[task.name] = np.stack([scores, lower], 1)
    return told


def _drawn(picture: Image.Image, heat: NDArray[Any]) -> Image.Image:
    small = _small(picture, MAP_SIDE)
    resized = Image.fromarray(heat.astype(np.float32)).resize(small.size, Image.Resampling.BILINEAR)
    return Image.fromarray(over(np.asarray(small), np.clip(np.asarray(resized), 0, 1)))


def _small(picture: Image.Image, side: int) -> Image.Image:
    small = picture.copy()
    small.thumbnail((side, side))
    return small


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()


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
