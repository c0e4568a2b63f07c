"""What strategies chose, told by labels that they never saw: an analysis of a finished study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.errors import UserError
from benchmark.reading import read_fields
from benchmark.report.cells import Cell, Table
from benchmark.report.load import FULL_DATA
from benchmark.report.selections import chosen_images
from benchmark.run import EXPERIMENT, read_environment
from benchmark.store import Round, Store
from benchmark.tasks.task import IGNORE
from benchmark.words import terminal_width

SHOWN = 0.005  # of an image's pixels: fewer do not show a class
RARE = 0.25  # of the classes, those that the fewest images show
SIDE = 16  # of the thumbnails by which images are near or far
POOL, TRUE_LOSS = "the whole pool", "true-loss"


def chosen_text(folder: Path, data_root: Path | None = None) -> str:
    """The table of ``chosen_labels`` for the terminal. Raises UserError without a study in the folder."""
    from benchmark.report.text import terminal

    dataset, rounds = _dataset_of(folder, data_root), list(Store(folder).rounds())
    chosen = chosen_labels(rounds, dataset)
    if len(chosen) == 1:
        raise UserError(f"{folder} holds no round after a first selection: run more of the study first.")
    agreement = score_agreement(rounds, dataset)
    tables = [_table(dataset.name, chosen)] + ([] if agreement.empty else [_agreement(agreement)])
    return terminal(tables, terminal_width())


def chosen_labels(rounds: Iterable[Round], dataset: MultiTaskDataset) -> pd.DataFrame:
    """What the images of each strategy's last round show: one row a (strategy, seed), and one of the pool.

    The shared first set is left out but in ``distance``: of a chosen image to the nearest other labelled
    one, as the root mean square difference of thumbnails whose pixels are 0 to 1.
    """
    facts, thumbnails = image_facts(dataset)
    whole = {"strategy": POOL, "seed": 0, **facts.mean(), "distance": _nearest(thumbnails, thumbnails.index)}
    rows = [
        {
            "strategy": last.strategy,
            "seed": last.seed,
            **facts.loc[list(chosen)].mean(),
            "distance": _nearest(thumbnails.loc[list(last.labelled)], chosen),
        }
        for last, chosen in _last_rounds(rounds)
    ]
    return pd.DataFrame([*rows, whole])


def score_agreement(rounds: Iterable[Round], dataset: MultiTaskDataset) -> pd.DataFrame:
    """Spearman's rank correlation of each strategy's scores with the true losses, a row a (strategy, seed).

    Of round 0 over the images of the pool that have a label for the task, where all strategies of a seed see
    the same network; a column a task. Empty where ``true-loss`` was not run.
    """
    tasks = [task.name for task in dataset.tasks]
    first = {(r.strategy, r.seed): np.array(r.scores) for r in rounds if r.round == 0 and r.scores}
    scores = {key: table for key, table in first.items() if table.shape[1] == len(tasks)}
    held = [key for key in sorted(scores) if (TRUE_LOSS, key[1]) in scores and key[0] != TRUE_LOSS]
    labelled = _labelled(dataset) if held else np.zeros((0, len(tasks)), np.bool_)
    rows = [(key, _correlations(scores[key], scores[TRUE_LOSS, key[1]], labelled)) for key in held]
    return pd.DataFrame(
        [{"strategy": key[0], "seed": key[1], **dict(zip(tasks, row, strict=True))} for key, row in rows]
    )


def _labelled(dataset: MultiTaskDataset) -> NDArray[np.bool_]:
    """Which images of the pool have a label for which task (N x T): without one, there is no true loss."""
    import torch

    from benchmark.data.feed import open_feed

    feed = open_feed(dataset, "train", torch.device("cpu"))
    return feed.labelled(np.arange(len(feed)))


def _correlations(
    scores: NDArray[np.float64], losses: NDArray[np.float64], labelled: NDArray[np.bool_]
) -> list[float]:
    """Of every task; NaN for fewer than two images with a label."""
    from scipy.stats import spearmanr

    known = zip(scores.T, losses.T, labelled.T, strict=True)
    return [
        float(spearmanr(score[where], loss[where]).statistic) if where.sum() > 1 else float("nan")
        for score, loss, where in known
    ]


def _dataset_of(folder: Path, data_root: Path | None) -> MultiTaskDataset:
    """The data that a study was run on, opened. Raises UserError if they are others now."""
    from benchmark.catalogue import open_dataset

    study = read_fields(folder / EXPERIMENT)
    dataset = open_dataset(study["dataset"], study.get("data", {}), data_root)
    if read_environment(folder).get("data", {}).get("digest") != dataset.digest:
        raise UserError(f"{folder} holds results on other data than {study['dataset']} is now.")
    return dataset


def image_facts(dataset: MultiTaskDataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of every image of the pool by its id: what its labels show, and its thumbnail as a row."""
    classes = {task.name: len(task.classes) for task in dataset.tasks if task.kind == "categorical"}
    facts, presence, thumbnails = [], [], []
    for position in range(len(dataset.train.ids)):
        sample = dataset.train[position]
        facts.append(_simple_facts(sample, dataset))
        presence.append([_shown(sample, task, count) for task, count in classes.items()])
        thumbnails.append(_thumbnail(sample.image))
    table = pd.DataFrame(facts, index=list(dataset.train.ids))
    for column, task in enumerate(classes):
        _add_classes(table, task, np.array([shown[column] for shown in presence]))
    return table, pd.DataFrame(thumbnails, index=table.index)


def _simple_facts(sample: Sample, dataset: MultiTaskDataset) -> dict[str, float]:
    facts = {}
    for task in dataset.tasks:
        label = sample.labels.get(task.name)
        if label is not None and task.kind == "binary":
            facts[f"{task.name} %"] = 100 * _mean(label[label != IGNORE] == 1)
        if label is not None and task.kind == "scalar":
            facts[task.name] = _mean(label[np.isfinite(label)])
    return facts


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _shown(sample: Sample, task: str, classes: int) -> NDArray[np.bool_]:
    """Which classes an image shows; none where it has no label for the task."""
    label = sample.labels.get(task)
    if label is None:
        return np.zeros(classes, dtype=bool)
    counts = np.bincount(label.ravel(), minlength=256)[:classes]
    shown: NDArray[np.bool_] = counts > SHOWN * label.size
    return shown


def _add_classes(table: pd.DataFrame, task: str, shown: NDArray[np.bool_]) -> None:
    rare = np.argsort(shown.sum(0), kind="stable")[: max(1, round(RARE * shown.shape[1]))]
    table[f"{task} classes"] = shown.sum(1)
    table[f"{task} rare %"] = 100.0 * shown[:, rare].any(1)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    from PIL import Image

    small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64).ravel() / 255


def _nearest(labelled: pd.DataFrame, chosen: Sequence[str]) -> float:
    """Mean distance of the chosen images to the nearest other labelled one."""
    from scipy.spatial.distance import cdist

    between = cdist(labelled.loc[list(chosen)], labelled) / np.sqrt(labelled.shape[1])
    between[np.arange(len(chosen)), labelled.index.get_indexer(list(chosen))] = np.inf
    return float(between.min(1).mean())


def _last_rounds(rounds: Iterable[Round]) -> list[tuple[Round, list[str]]]:
    """Each trajectory's last round, with what it had chosen after the first set in the order of choice."""
    learned = sorted((r for r in rounds if r.strategy != FULL_DATA), key=lambda r: r.round)
    chosen = chosen_images(learned)
    last = {(done.strategy, done.seed): done for done in learned}
    ends = [(last[key], chosen.get((*key, len(last[key].labelled)), frozenset())) for key in sorted(last)]
    return [(end, [image for image in end.labelled if image in after]) for end, after in ends if after]


def _table(dataset: str, chosen: pd.DataFrame) -> Table:
    means = chosen.drop(columns="seed").groupby("strategy").mean()
    heads = list(means.columns)
    rows = {str(name): [Cell(_written(row[head])) for head in heads] for name, row in means.iterrows()}
    pool = rows.pop(POOL)
    seeds = chosen[chosen["strategy"] != POOL]["seed"].nunique()
    return Table(
        heads=heads,
        rows=sorted(rows.items()),
        references=[(POOL, pool)],
        caption=f"{dataset}: what the images show that were chosen by the last round, over {seeds} seeds.",
        notes=[
            f"rare: images that show one of the {RARE:.0%} of classes that the fewest images show",
            "distance: to the nearest other labelled image, RMS of 16 x 16 thumbnails, pixels from 0 to 1",
        ],
    )


def _agreement(agreement: pd.DataFrame) -> Table:
    means = agreement.drop(columns="seed").groupby("strategy").mean()
    return Table(
        heads=list(means.columns),
        rows=[(str(name), [Cell(f"{value:+.2f}") for value in row]) for name, row in means.iterrows()],
        references=[],
        caption=f"Rank correlation of scores with the true losses in round 0, over "
        f"{agreement['seed'].nunique()} seeds.",
        notes=[],
    )


def _written(value: float) -> str:
    return f"{value:.3g}"
