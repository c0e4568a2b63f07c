"""What the labels of a pool's images show: classes, rare ones, shares of pixels, depths; and thumbnails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.tasks.task import IGNORE
from strategies.classes_shown import SHOWN

RARE = 0.25  # of the classes that any image shows, those that the fewest do
SIDE = 16  # of the thumbnails by which images are near or far


@dataclass(frozen=True)
class ImageFacts:
    """Of every image of a pool by its id.

    ``table`` has a column per fact, named with its unit, NaN for an image without the label; ``thumbnails``
    the pixels of a small copy, 0 to 1; ``rare`` the names of each task's rare classes.
    """

    table: pd.DataFrame
    thumbnails: pd.DataFrame
    rare: Mapping[str, tuple[str, ...]]


def image_facts(dataset: MultiTaskDataset) -> ImageFacts:
    """Read every image of the pool, once."""
    classes = {task.name: task.classes for task in dataset.tasks if task.kind == "categorical"}
    facts, thumbnails = [], []
    presence: dict[str, list[NDArray[np.float64]]] = {name: [] for name in classes}
    for position in range(len(dataset.train.ids)):
        sample = dataset.train[position]
        facts.append(_simple_facts(sample, dataset))
        thumbnails.append(_thumbnail(sample.image))
        for name, names in classes.items():
            presence[name].append(_shown(sample, name, len(names)))
    ids = list(dataset.train.ids)
    table, rare = pd.DataFrame(facts, index=ids), {}
    for name, names in classes.items():
        rare[name] = _add_classes(table, name, names, np.array(presence[name]))
    return ImageFacts(table, pd.DataFrame(thumbnails, index=ids), rare)


def _simple_facts(sample: Sample, dataset: MultiTaskDataset) -> dict[str, float]:
    facts = {}
    for task in dataset.tasks:
        label = sample.labels.get(task.name)
        if label is not None and task.kind == "binary":
            facts[f"{task.name} (% of pixels)"] = 100 * _mean(label[label != IGNORE] == 1)
        if label is not None and task.kind == "scalar":
            facts[f"{task.name} (m)"] = _mean(label[np.isfinite(label)])
    return facts


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _shown(sample: Sample, task: str, classes: int) -> NDArray[np.float64]:
    """1 for each class that an image shows, else 0; NaN where it has no label for the task."""
    label = sample.labels.get(task)
    if label is None or (label == IGNORE).all():
        return np.full(classes, np.nan)
    counts = np.bincount(label.ravel(), minlength=256)[:classes]
    return (counts > SHOWN * label.size).astype(np.float64)


def _add_classes(
    table: pd.DataFrame, task: str, names: tuple[str, ...], shown: NDArray[np.float64]
) -> tuple[str, ...]:
    """Add how many classes an image shows, and whether a rare one; returns the rare ones.

    A class that no image shows cannot be chosen, so it is none of them.
    """
    labelled = ~np.isnan(shown).any(1)
    images = shown[labelled].sum(0)
    there = np.flatnonzero(images > 0)
    rarest = there[np.argsort(images[there], kind="stable")][: max(1, round(RARE * len(there)))]
    table[f"{task} (classes an image)"] = np.where(labelled, shown.sum(1), np.nan)
    has_rare = 100.0 * (shown[:, rarest] == 1).any(1)
    table[f"{task} (% of images with a rare class)"] = np.where(labelled & bool(len(there)), has_rare, np.nan)
    return tuple(names[place] for place in rarest)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    from PIL import Image

    small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64).ravel() / 255
