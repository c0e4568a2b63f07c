"""Results whose rounds have the losses of single validation images, made by seeds and images as factors."""

import csv
import json

import numpy as np
import yaml

from benchmark.records.loss_file import ImageLosses, digest_of_ids
from benchmark.records.round_store import COLUMNS, FULL_DATA, Round, Store

BUDGETS, TASKS, WEIGHTS, POOL = (10, 20, 40), ("semseg", "depth"), (1.0, 4.0), 100


def write_study(folder, strategies=("random", "entropy"), seeds=5, images=60, without=0.0, dataset="rooms"):
    """The folder, and losses by (strategy, seed, labelled) (N x T): ``without`` is the share of no labels."""
    rng = np.random.default_rng(len(dataset) + images)
    image, ids = rng.gamma(3, 0.2, (images, 2)), [f"val-{number}" for number in range(images)]
    missing = rng.random((images, 2)) < without
    folder.mkdir(parents=True)
    made, rounds = {}, []
    for seed in range(seeds):
        network = rng.normal(0, 0.05, 2)
        first = rng.normal(0, 0.05, (images, 2))
        for place, name in enumerate((*strategies, FULL_DATA)):
            full = name == FULL_DATA
            sizes = (POOL,) if full else BUDGETS
            for number, size in enumerate(sizes):
                gain = 0.25 if full else 0.1 * number + 0.02 * place * (number > 0)
                own = rng.normal(0, 0.05, (images, 2)) if number else first
                table = np.abs(image * (1 - gain) + network + own).astype(np.float32)
                table[missing] = np.nan
                made[name, seed, size] = table
                rounds.append(_stored(folder, dataset, name, seed, number, size, table, ids))
    _write_head(folder, dataset, strategies, seeds, images)
    Store(folder).write_results()
    return folder, made


def total(table):
    """The total loss of losses by image and task."""
    return float(np.nanmean(table.astype(float), axis=0) @ np.array(WEIGHTS))


def _stored(folder, dataset, name, seed, number, size, table, ids):
    means = np.nanmean(table.astype(float), axis=0)
    metrics = {task: {"loss": float(mean)} for task, mean in zip(TASKS, means, strict=True)}
    done = Round(
        dataset, name, seed, number, "key", tuple(map(str, range(size))),
        metrics | {"total": {"loss": total(table)}}, "", seconds={"train": 10.0 + size, "evaluate": 1.0},
    )  # fmt: skip
    return Store(folder).write(done, ImageLosses(table, TASKS, WEIGHTS, digest_of_ids(ids)))


def _write_head(folder, dataset, strategies, seeds, images):
    facts = {"data": {"pool": POOL, "val": images, "digest": "0"}, "device": "cpu"}
    (folder / "environment.json").write_text(json.dumps(facts))
    experiment = {
        "name": "study",
        "dataset": dataset,
        "recipe": {"iterations": 80},
        "budgets": list(BUDGETS),
        "strategies": list(strategies),
        "seeds": list(range(seeds)),
    }
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    with (folder / "results.csv").open("w", newline="") as stream:
        csv.writer(stream).writerow(COLUMNS)
