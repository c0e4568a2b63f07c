"""Values that do not exist, wherever they are missing: a report says which, and goes on without them."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from benchmark.report import write_report
from benchmark.report.compare import compare
from benchmark.report.drawing import canvas
from benchmark.report.results.load import read_results
from benchmark.report.statistics.intervals import over_seeds
from benchmark.report.statistics.naubc import naubc_of

METRICS = {
    ("total", "loss"): (1.3, -0.45, 0.025),
    ("depth", "loss"): (0.6, -0.15, 0.01),
    ("depth", "rmse"): (0.9, -0.25, 0.015),
    ("semseg", "loss"): (0.9, -0.3, 0.02),
    ("semseg", "miou"): (31.0, 14.0, 0.9),
}
STRATEGIES = ("random", "random[draw=2]", "entropy", "core-set")
#: What is missing: a test of (strategy, seed, labelled, task, metric).
MISSING = {
    "the total everywhere": lambda s, k, n, t, m: t == "total",
    "a task everywhere": lambda s, k, n, t, m: t == "depth",
    "the loss of a task": lambda s, k, n, t, m: (t, m) == ("depth", "loss"),
    "the headline metric of a task": lambda s, k, n, t, m: (t, m) == ("semseg", "miou"),
    "the total of one strategy": lambda s, k, n, t, m: t == "total" and s == "entropy",
    "the total of random": lambda s, k, n, t, m: t == "total" and s.startswith("random"),
    "the total of one draw of random": lambda s, k, n, t, m: t == "total" and s == "random[draw=2]",
    "the total of all but full data": lambda s, k, n, t, m: t == "total" and s != "full-data",
    "full data": lambda s, k, n, t, m: s == "full-data",
    "the constant": lambda s, k, n, t, m: s == "constant",
    "the first budget": lambda s, k, n, t, m: n == 40,
    "the last budget": lambda s, k, n, t, m: n == 160,
    "all seeds but one": lambda s, k, n, t, m: k > 0,
    "all": lambda s, k, n, t, m: True,
}


@pytest.fixture
def study(synthetic, tmp_path, monkeypatch):
    """Results in which some values are missing; figures are drawn and not saved."""
    monkeypatch.setattr(canvas, "_saved", lambda figure, kind: b"")

    def of(missing, seeds):
        table = synthetic.rows(STRATEGIES, seeds=seeds, metrics=METRICS)
        constants = {pair: 1.2 * start for pair, (start, *_) in METRICS.items()}
        table += [
            ("rooms", "constant", k, 0, 40, *pair, v) for pair, v in constants.items() for k in range(seeds)
        ]
        kept = [(*row[:7], "" if missing(row[1], row[2], *row[4:7]) else row[7]) for row in table]
        folder = synthetic.write(tmp_path, kept)
        tasks = {name: synthetic.tasks[name] for name in ("semseg", "depth")}
        return synthetic.add_experiment(synthetic.add_facts(folder, tasks=tasks))

    return of


@pytest.mark.parametrize("seeds", [pytest.param(1, marks=pytest.mark.slow), 5])
@pytest.mark.parametrize("missing", MISSING.values(), ids=list(MISSING))
def test_a_report_and_a_comparison_are_made_without_them(study, missing, seeds):
    folder = study(missing, seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = write_report(folder)
        text = compare(read_results(folder), "entropy", "random")
    assert "rooms" in report.text
    assert (folder / "index.html").stat().st_size > 1000
    assert "rooms" in text
    assert "nan" not in report.text.split()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("the loss of a task", "No network has a value of depth loss: what would need it is left out."),
        ("a task everywhere", "No network has a value of depth loss, depth RMSE: what would"),
        ("the total everywhere", "No network has a value of total loss: what would need it is left out."),
    ],
)
def test_the_task_is_named(study, missing, words):
    folder = study(MISSING[missing], 2)
    text = " ".join(write_report(folder).text.split())
    assert f"Warning: {words}" in text
    assert text.count("depth loss: what would") <= 1


def test_a_strategy_without_a_total_is_last_and_keeps_its_metrics(study):
    folder = study(MISSING["the total of one strategy"], 5)
    write_report(folder)
    headline = pd.read_csv(folder / "tables" / "headline.csv").set_index("strategy")
    assert headline["seeds"]["entropy"] == 0
    rows = [
        line for line in (folder / "tables" / "headline.md").read_text().splitlines() if "| entropy" in line
    ]
    assert "\N{EN DASH}" in rows[0]
    delta = pd.read_csv(folder / "tables" / "delta_mtl.csv")
    assert "entropy" in set(delta["strategy"])


def test_a_trajectory_without_any_value_is_there_and_has_no_area():
    columns = ["dataset", "strategy", "seed", "task", "metric", "labelled", "value"]
    head = ("d", "a", 0, "total", "loss")
    rows = [(*head, 2, None), (*head, 4, None), ("d", "b", 1, "total", "loss", 2, 1.0)]
    areas = naubc_of(pd.DataFrame(rows, columns=columns), [2, 4])
    assert areas[["strategy", "seed"]].to_numpy().tolist() == [["a", 0], ["b", 1]]
    assert areas["naubc"].isna().all()


def test_no_value_at_all_gives_an_empty_table_of_the_same_kinds():
    some = pd.DataFrame({"strategy": ["a"], "share": [0.1], "labelled": [4], "value": [1.0]})
    by = ["strategy", "share", "labelled"]
    empty = over_seeds(some.assign(value=float("nan")), by)
    assert empty.empty
    assert empty.dtypes.to_dict() == over_seeds(some, by).dtypes.to_dict()
