"""Pictures of what was chosen, drawn beside a round: the first images, and where their strategy looked.

A stored round's are never made again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.records.selection_pictures import (
    PICKS,
    Pick,
    picks_folder,
    write_picks,
)
from strategies.interface import Pool, Positions, Selection, Strategy
from strategies.score_normalisation import ranks

if TYPE_CHECKING:  # whoever only reads pictures needs no torch
    from benchmark.protocol.bench import Bench
    from benchmark.random_streams import Streams
    from benchmark.training.train import Trained

SIDE, MAP_SIDE = 160, 96  # pixels of the longer side, at most


#: Colours of a map over an image, from where it is lowest to where it is highest.
HEAT = ((40, 10, 110), (200, 30, 90), (250, 130, 30), (255, 240, 110))


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
    # Pictures are an extra: a round of hours is not lost for them.
    except Exception as error:  # a user's maps may fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        bench.progress.say(
            f"{name}, seed {streams.seed}, round {pool.round}: pictures of its first picks were not kept: "
            f"{reason}"
        )


def over(image: NDArray[np.uint8], heat: NDArray[Any]) -> NDArray[np.uint8]:
    """A map (h x w, 0..1) over the grey of an image of its size (h x w x 3); the grey alone where it is 0."""
    grey = 0.6 * image.mean(2, keepdims=True)
    places = np.linspace(0, 1, len(HEAT))
    colour = np.stack([np.interp(heat, places, channel) for channel in np.transpose(HEAT)], -1)
    # The root lets low values still be seen on the grey; below 1, the image shows through the highest.
    opacity = 0.85 * np.sqrt(heat)[..., None]
    return np.asarray(np.round(grey * (1 - opacity) + colour * opacity), np.uint8)


def _maps(
    bench: Bench, strategy: Strategy, name: str, trained: Trained, streams: Streams, positions: Positions
) -> dict[str, NDArray[Any]]:
    """The strategy's maps of these images by task (P x h x w), 0 to 1 over all of them."""
    # Most strategies have no maps, and for them no image goes through the network again.
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

    from benchmark.training.observe import observed
    from benchmark.training.views import Shown

    feed, precision = bench.pool, bench.experiment.recipe.precision
    # Labels for a reference alone: no other strategy is ever given one.
    batch = feed.batch(positions, labels=strategy.reference)
    ids = [feed.ids[position] for position in positions.tolist()]
    with torch.no_grad():
        shown = Shown(trained.network.eval(), batch.images, ids, feed.tasks, streams, precision, batch.maps)
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
    # In the order of choice: the first ones are those that a strategy wants most.
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
        # Equal scores everywhere, as zeros for a task that the strategy has none for, say nothing of an
        # image.
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
