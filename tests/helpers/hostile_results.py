"""Sound folders of results, to be spoilt, and all that reads them."""

import json
from contextlib import contextmanager
from dataclasses import asdict

from hypothesis import HealthCheck, settings

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.records.round_store import NOISE_FLOOR, Round
from benchmark.report import study_protocol
from benchmark.report.page import page
from benchmark.report.results.study import read_study
from benchmark.report.tables import (
    cost_table,
    delta_mtl_table,
    headline_table,
    loss_table,
    matrix_tables,
    mean_ranks_table,
)
from benchmark.report.validity import measured_noise

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FEW = settings(MANY, max_examples=max(1, settings.default.max_examples // 30))  # each is a whole report
ROUND = Round(
    dataset="rooms",
    strategy="random",
    seed=0,
    round=0,
    key="key",
    labelled=("a", "b"),
    metrics={"total": {"loss": 1.5}, "depth": {"loss": 1.0, "rmse": None}},
    weights_digest="w",
    selected=("c",),
    scores=[[0.5, 1.0]] * 4,
    strategy_state={"seen": [1]},
    seconds={"train": 1.0, "select": 0.1},
    peak_memory_mb=9.5,
)


EXPERIMENT = {
    "name": "study",
    "dataset": "rooms",
    "network": {"name": "pad_net", "width": 8},
    "recipe": {"iterations": 3},
    "budgets": [2, "75 %"],
    "strategies": ["random", "entropy"],
    "seeds": [0, 1],
    "full_data": True,
}


ENVIRONMENT = {
    "data": {"name": "rooms", "pool": 4, "val": 2, "digest": "0", "facts": {"size": [8, 8], "a": {"b": 1}}},
    "tasks": {"depth": {"kind": "scalar", "weight": 1.0, "headline": "rmse", "options": {}}},
    "strategies": {"random": {"family": "random", "source": "x", "reference": False}, "entropy": {}},
    "device": "cpu",
    "threads": 1,
    "deterministic": True,
    "packages": {"torch": "2", "numpy": None},
    "revision": None,
}


SIGN = {"host": "h", "pid": 1, "device": "cpu", "round": 1, "done": 5, "total": 9, "skipped": 0}
SIGN |= {"started": 1.0, "updated": 9.0}


PARTS = (
    loss_table,
    headline_table,
    matrix_tables,
    cost_table,
    delta_mtl_table,
    mean_ranks_table,
    study_protocol,
    measured_noise,
)


def rounds():
    """Two strategies and the full data, two seeds, two budgets, and two trainings of the noise floor."""
    for seed in (0, 1):
        for strategy in ("random", "entropy"):
            for number, ids in enumerate((("a", "b"), ("a", "b", "c"))):
                loss = {"total": {"loss": 2.0 - number + seed / 10}, "depth": {"rmse": 1.0 + len(strategy)}}
                yield Round("rooms", strategy, seed, number, "key", ids, loss, "w", ("c",) * (not number))
        yield Round("rooms", "full-data", seed, 0, "key", tuple("abcd"), {"total": {"loss": 0.5}}, "w")
        yield Round("rooms", NOISE_FLOOR, seed, 0, "key", ("a", "b"), {"total": {"loss": 1.0 + seed}}, "w")


def reported(root):
    """All of a report but its figures, which take seconds: the same numbers are in their tables."""
    study = read_study(root)
    files = {}
    for part in PARTS:
        files |= part.render(study.results if part in (loss_table, headline_table) else study)
    files |= page.render_page(study, files)
    return loss_table.terminal_table(study.results), files


@contextmanager
def kept(file):
    """A file's content, which it has again after a case: the folder is that of all cases."""
    sound = file.read_bytes()
    try:
        yield sound
    finally:
        file.write_bytes(sound)


def first_round(root):
    return root / "rooms/random/seed-0/round-00.json"


def is_sound(done):
    assert done.seed >= 0
    assert done.round >= 0
    assert all(isinstance(image, str) for image in (*done.labelled, *done.selected))
    assert json.loads(json.dumps(asdict(done), allow_nan=False))
