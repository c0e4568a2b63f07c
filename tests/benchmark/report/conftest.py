"""Results folders as a run leaves them, with curves of a realistic shape."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from benchmark.records.round_store import Round, Store

HEADER = ["dataset", "strategy", "seed", "round", "labelled", "task", "metric", "value"]
STRATEGIES = ("random", "entropy", "core-set", "learning-loss", "consistency-diversity")
#: Value with no labels beyond the first, gain towards all labels, spread over seeds.
METRICS = {
    ("total", "loss"): (1.3, -0.45, 0.025),
    ("semseg", "loss"): (0.9, -0.3, 0.02),
    ("semseg", "initial_loss"): (1.0, -0.3, 0.02),
    ("semseg", "miou"): (31.0, 14.0, 0.9),
    ("semseg", "accuracy"): (61.0, 14.0, 0.9),
    ("depth", "loss"): (0.6, -0.15, 0.01),
    ("depth", "rmse"): (0.9, -0.25, 0.015),
    ("normals", "mean_angle"): (27.0, -5.0, 0.3),
    ("edge", "edge_f"): (55.0, 12.0, 0.7),
    ("saliency", "max_f"): (60.0, 12.0, 0.7),
}
#: As ``environment.json`` names them.
TASKS = {
    "semseg": {"kind": "categorical", "weight": 1.0, "headline": "miou"},
    "depth": {"kind": "scalar", "weight": 1.0, "headline": "rmse"},
    "normals": {"kind": "direction", "weight": 4.0, "headline": "mean_angle"},
}
EXPERIMENT = {
    "name": "study",
    "dataset": "rooms",
    "network": {"name": "pad_net"},
    "recipe": {"iterations": 80},
    "budgets": [0.1, 80, 120, 160],
    "strategies": list(STRATEGIES),
    "seeds": [0, 1],
    "full_data": True,
}
Row = tuple[str, str, int, int, int, str, str, float | str]


def rows(
    strategies: Sequence[str] = STRATEGIES,
    seeds: int = 5,
    budgets: Sequence[int] = (40, 80, 120, 160),
    pool: int = 400,
    dataset: str = "rooms",
    metrics: Mapping[tuple[str, str], tuple[float, float, float]] = METRICS,
) -> list[Row]:
    """One row per strategy, seed, budget and metric, and those of the full data."""
    rng = np.random.default_rng(7)
    table: list[Row] = []
    for seed in range(seeds):
        offset = rng.normal(size=len(metrics))
        for place, strategy in enumerate(strategies):
            for number, labelled in enumerate(budgets):
                for index, ((task, metric), (start, gain, spread)) in enumerate(metrics.items()):
                    progress = (
                        (1 + 0.12 * place * (number > 0))
                        * np.log(labelled / budgets[0])
                        / np.log(pool / budgets[0])
                    )
                    value = start + gain * progress + spread * (0.7 * offset[index] + 0.7 * rng.normal())
                    table.append((dataset, strategy, seed, number, labelled, task, metric, float(value)))
        for (task, metric), (start, gain, spread) in metrics.items():
            value = start + 1.02 * gain + spread * 0.5 * rng.normal()
            table.append((dataset, "full-data", seed, 0, pool, task, metric, float(value)))
    return table


def losses(
    table: Mapping[str, Mapping[int, Sequence[float | None]]], dataset: str = "rooms", pool: int = 100
) -> list[Row]:
    """Rows of total loss from ``{strategy: {seed: [loss at 10, 20, 40 labels]}}``; full-data at the pool."""
    budgets = {"full-data": [pool]}
    return [
        (dataset, name, seed, number, budgets.get(name, [10, 20, 40])[number], "total", "loss", value)
        for name, seeds in table.items()
        for seed, values in seeds.items()
        for number, value in enumerate(values)
        if value is not None
    ]


def write(
    folder: Path, table: Iterable[Sequence[object]], pool: int = 400, header: Sequence[str] = HEADER
) -> Path:
    """A results folder with these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *table])
    facts = {"data": {"pool": pool, "val": 150, "digest": "0"}, "device": "cpu"}
    (folder / "environment.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def add_rounds(folder: Path, table: Iterable[Row], pool: int = 400) -> Path:
    """The stored rounds of these rows beside them: what was chosen, and what each stage cost."""
    ids = np.array([f"image-{number}" for number in range(pool)])
    metrics: dict[tuple[object, ...], dict[str, dict[str, float | None]]] = {}
    for *key, task, metric, value in table:
        of_task = metrics.setdefault(tuple(key), {}).setdefault(task, {})
        of_task[metric] = None if value == "" else float(value)
    for (dataset, strategy, seed, number, labelled), measured in sorted(
        metrics.items(), key=lambda kv: kv[0]
    ):
        stream = zlib.crc32(strategy.encode()) if number else 0  # the first set is shared
        own = np.random.default_rng([seed, stream]).permutation(pool)
        first = np.random.default_rng([seed, 0]).permutation(pool)[:40]
        order = np.concatenate([first, own[~np.isin(own, first)]])
        seconds = {"train": 40.0 + labelled / 10 + seed, "evaluate": 2.0}
        choosing = {} if strategy == "full-data" else {"observe": 3.0, "select": 0.001 * len(strategy)}
        done = Round(
            dataset, strategy, seed, number, "key", tuple(ids[order[:labelled]].tolist()), measured, "",
            seconds=seconds | choosing, peak_memory_mb=1000.0 + seed,
        )  # fmt: skip
        Store(folder).write(done)
    return folder


def add_facts(folder: Path, **facts: object) -> Path:
    """More of what ``environment.json`` says."""
    file = folder / "environment.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts), encoding="utf-8")
    return folder


def add_experiment(folder: Path, **fields: object) -> Path:
    """What ``experiment.yaml`` says."""
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | fields), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """What makes results, for tests of their own ones."""
    return SimpleNamespace(
        rows=rows,
        losses=losses,
        write=write,
        add_rounds=add_rounds,
        add_facts=add_facts,
        add_experiment=add_experiment,
        header=HEADER,
        strategies=STRATEGIES,
        tasks=TASKS,
    )


@pytest.fixture(scope="session")
def total_only(synthetic: SimpleNamespace) -> dict[tuple[str, str], tuple[float, float, float]]:
    """The headline metric alone, where more figures would only take time."""
    return {("total", "loss"): METRICS["total", "loss"]}
