"""What a report says of labels that were bought by task: counted, priced, and what they were worth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.records.round_store import Round, Store
from benchmark.report import write_report
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.labels.bought import bought, prices_of
from benchmark.report.labels.tables import tables
from benchmark.report.labels.worth import exchange, worth
from benchmark.report.results.study import read_study

IDS = [f"image-{number:02d}" for number in range(40)]
#: Total, depth and semseg loss at a budget of 10 and of 20 images' worth.
LOSSES = {"random": ((1.0, 0.5, 0.5), (0.8, 0.4, 0.4)), "random-pairs": ((1.0, 0.5, 0.5), (0.7, 0.36, 0.34))}


def metrics_of(losses: tuple[float, float, float], seed: int) -> dict[str, dict[str, float | None]]:
    return {t: {"loss": v + seed / 8} for t, v in zip(("total", "depth", "semseg"), losses, strict=True)}


def store(folder: Path, strategy: str, seed: int, number: int, **more: object) -> None:
    labelled = more.pop("labelled", IDS[: (10, 20)[number]])
    measured = metrics_of(LOSSES[strategy][number], seed)
    Store(folder).write(Round("rooms", strategy, seed, number, "k", tuple(labelled), measured, "", **more))


@pytest.fixture
def priced(synthetic, tmp_path):
    """Semseg costs three times what depth does: .75 and .25 of an image.

    Of labels bought by themselves there are 4 more of semseg (3) and 28 of depth (7), which pay ten images.
    """
    synthetic.write(tmp_path, [], pool=40)
    synthetic.add_experiment(
        tmp_path, costs={"semseg": 6, "depth": 2}, budgets=[10, 20], full_data=False, strategies=list(LOSSES)
    )
    both, labels = ("depth", "semseg"), [("semseg",)] * 2 + [("depth", "semseg")] * 2 + [("depth",)] * 26
    for seed in (0, 1):
        for number in (0, 1):
            store(tmp_path, "random", seed, number)
        store(tmp_path, "random-pairs", seed, 0)
        parts = {
            "labels": (both,) * 10 + tuple(labels),
            "budget": 20,
            "spent": {"depth": 9.5, "semseg": 10.5},
        }
        store(tmp_path, "random-pairs", seed, 1, labelled=IDS, **parts)
    (tmp_path / "results.csv").unlink()
    Store(tmp_path).write_results()
    return tmp_path


@pytest.fixture
def subject(priced):
    return DatasetResults(read_study(priced), "rooms")


def test_labels_are_counted_by_task_and_paid_at_its_price(subject):
    assert prices_of(subject) == {"depth": 0.25, "semseg": 0.75}
    table = bought(subject).set_index(["strategy", "seed", "labelled", "task"])
    assert table.loc[("random", 0, 20, "depth"), "labels"] == 20
    assert table.loc[("random-pairs", 1, 20, "depth"), "labels"] == 38
    assert table.loc[("random-pairs", 1, 20, "semseg"), "labels"] == 14
    spent = table.groupby(["strategy", "seed", "labelled"])["price"].sum()
    assert spent.to_dict() == {key: pytest.approx(float(key[2])) for key in spent.index}


def test_worth_is_the_fall_of_a_loss_over_what_the_task_s_labels_cost(subject):
    found = worth(subject).set_index(["strategy", "task", "seed"])["value"]
    expected = {
        ("random", "total"): 0.2 / 10,
        ("random", "depth"): 0.1 / (10 * 0.25),
        ("random", "semseg"): 0.1 / (10 * 0.75),
        ("random-pairs", "total"): 0.3 / 10,
        ("random-pairs", "depth"): 0.14 / (28 * 0.25),
        ("random-pairs", "semseg"): 0.16 / (4 * 0.75),
    }
    for (strategy, task), value in expected.items():
        for seed in (0, 1):
            assert found.loc[(strategy, task, seed)] == pytest.approx(value)
    assert len(found) == 12


def test_a_task_of_which_nothing_was_bought_is_worth_nothing_that_is_known(synthetic, priced):
    parts = {
        "labels": (("depth", "semseg"),) * 10 + (("semseg",),) * 13,
        "budget": 20,
        "spent": {"depth": 2.5, "semseg": 17.25},
    }
    for seed in (0, 1):
        store(priced, "random-pairs", seed, 1, labelled=IDS[:23], **parts)
    found = worth(DatasetResults(read_study(priced), "rooms"))
    found = found[found["strategy"] == "random-pairs"].set_index(["task", "seed"])["value"]
    assert np.isnan(found.loc[("depth", 0)])
    assert found.loc[("total", 0)] == pytest.approx(0.3 / 9.75)


def test_the_exchange_is_with_random_whole_images_at_equal_price(subject):
    (row,) = exchange(subject).to_dict("records")
    assert (row["strategy"], row["labelled"], row["seeds"]) == ("random-pairs", 20, 2)
    assert row["mean"] == pytest.approx(-0.1)
    assert row["factor"] == np.inf


def test_the_price_that_whole_images_need_for_the_same_loss(priced):
    """A loss half way down random's line is random's at half its price between the two budgets."""
    for seed in (0, 1):
        done = Store(priced).read("rooms", "random-pairs", seed, 1)
        store_with_loss(priced, done, 0.9 + seed / 8)
    (row,) = exchange(DatasetResults(read_study(priced), "rooms")).to_dict("records")
    assert row["factor"] == pytest.approx(15 / 20)


def store_with_loss(folder: Path, done: Round, loss: float) -> None:
    Store(folder).write(replace(done, metrics={**done.metrics, "total": {"loss": loss}}))


def test_the_report_has_tables_and_figures_of_labels_and_says_that_budgets_are_prices(priced):
    report = write_report(priced)
    names = {path.name for path in report.paths}
    assert {"labels_bought.csv", "label_worth.md", "price_exchange.tex", "labels_by_task.pdf"} <= names
    page = report.page.read_text()
    assert "Labels by task" in page
    assert "Price (% of all labels)" in page
    assert "Labelled images (%)" not in page
    assert "over the price" in report.text
    numbers = pd.read_csv(priced / "tables" / "labels_bought.csv")
    assert set(numbers["labels"]) == {10, 14, 20, 38}
    assert "20 / 38" not in (priced / "tables" / "labels_bought.md").read_text()
    assert "10 / 38" in (priced / "tables" / "labels_bought.md").read_text()


def test_a_study_of_whole_images_at_one_price_has_none_of_it(synthetic, tmp_path, total_only):
    rows = synthetic.rows(("random", "entropy"), seeds=2, budgets=(40, 80), metrics=total_only)
    synthetic.add_rounds(synthetic.write(tmp_path, rows), rows)
    assert tables(DatasetResults(read_study(tmp_path), "rooms")) == []
    report = write_report(tmp_path)
    assert not {p.name for p in report.paths} & {"labels_bought.csv", "labels_by_task.pdf"}
    assert "Labelled images (%)" in report.page.read_text()
