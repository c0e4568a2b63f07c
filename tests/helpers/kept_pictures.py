"""Rounds with pictures of what was chosen."""

import io

import numpy as np
from PIL import Image

from benchmark.records.round_store import Round, Store
from benchmark.records.selection_pictures import picks_folder, write_picks


def jpeg(side=8, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def a_round(strategy, number=0, labelled=(), selected=(), seed=0, dataset="rooms"):
    return Round(
        dataset=dataset,
        strategy=strategy,
        seed=seed,
        round=number,
        key="k",
        labelled=tuple(labelled),
        metrics={"total": {"loss": 1.0}},
        weights_digest="d",
        selected=tuple(selected),
        seconds={"train": 3.0, "observe": 0.0},
    )


def keep(folder, done, picks):
    trajectory = Store(folder).trajectory(done.dataset, done.strategy, done.seed)
    trajectory.mkdir(parents=True, exist_ok=True)
    write_picks(picks_folder(trajectory, done.round), picks)
