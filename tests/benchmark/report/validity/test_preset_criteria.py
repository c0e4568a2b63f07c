"""A preset passes its gate where labels move every task beyond luck, and is told what to change where not."""

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.study import read_study
from benchmark.report.validity.preset_criteria import criteria, gate_files, gate_text, measured

TASKS = {
    "semseg": {"kind": "categorical", "weight": 1.0, "headline": "miou"},
    "depth": {"kind": "scalar", "weight": 2.0, "headline": "rmse"},
    "edge": {"kind": "binary", "weight": 10.0, "headline": "edge_f"},
}
#: Values at 10 %, 30 %, 60 %, with all labels, and of the constant.
GOOD = {
    ("semseg", "loss"): (2.0, 1.7, 1.6, 1.5, 2.5),
    ("semseg", "initial_loss"): (2.1, 1.8, 1.7, 1.6, None),
    ("semseg", "miou"): (20.0, 30.0, 35.0, 40.0, 5.0),
    ("depth", "loss"): (0.9, 0.75, 0.7, 0.65, 1.0),
    ("depth", "initial_loss"): (0.95, 0.8, 0.75, 0.7, None),
    ("depth", "rmse"): (1.1, 0.9, 0.8, 0.7, 1.4),
    ("edge", "loss"): (0.10, 0.07, 0.06, 0.05, 0.15),
    ("edge", "initial_loss"): (0.11, 0.08, 0.07, 0.06, None),
    ("edge", "edge_f"): (50.0, 55.0, 58.0, 62.0, 30.0),
}
PLACES = (
    ("random", 0, 40),
    ("random", 1, 120),
    ("random", 2, 240),
    ("full-data", 0, 400),
    ("constant", 0, 40),
)


def rows_of(values, luck=0.0, full=True):
    """Three seeds; ``luck`` is added to every loss of a seed, relatively, the same at each budget."""
    totals = tuple(
        sum(about["weight"] * values[task, "loss"][place] for task, about in TASKS.items())
        for place in range(len(PLACES))
    )
    return [
        ("rooms", name, seed, number, labelled, task, metric, value[place] * (1 + luck * seed))
        for place, (name, number, labelled) in enumerate(PLACES)
        if full or name != "full-data"
        for seed in range(3)
        for (task, metric), value in (values | {("total", "loss"): totals}).items()
        if value[place] is not None
    ]


@pytest.fixture
def gate(synthetic, tmp_path):
    def of(changes=None, **options):
        folder = synthetic.write(tmp_path, rows_of(GOOD | (changes or {}), **options))
        synthetic.add_facts(folder, tasks=TASKS)
        synthetic.add_experiment(folder, recipe={"iterations": 400, "batch_size": 8})
        return measured(DatasetResults(read_study(folder), "rooms"))

    return of


def failed(found):
    return [one.name for one in criteria(found) if not one.met]


def test_a_regime_in_which_labels_matter_passes(gate):
    assert failed(gate()) == []


@pytest.mark.parametrize(
    ("changes", "name", "word"),
    [
        ({("depth", "rmse"): (1.1, 1.1, 1.1, 1.1, 1.4)}, "labels improve every task", "depth"),
        ({("edge", "edge_f"): (62.0, 55.0, 52.0, 50.0, 30.0)}, "labels improve every task", "edge"),
        (
            {("semseg", "loss"): (2.6, 1.7, 1.6, 1.5, 2.5)},
            "every task beats the best constant prediction",
            "semseg loss at 10 % (40)",
        ),
        (
            {("depth", "initial_loss"): (0.8, 0.8, 0.69, 0.7, None)},
            "refined predictions are no worse than initial ones after the first budget",
            "depth at 60 % (240)",
        ),
        (
            {
                ("edge", "loss"): (1.0, 0.6, 0.4, 0.2, 1.5),
                ("edge", "initial_loss"): (1.1, 0.7, 0.5, 0.3, None),
            },
            "no task makes over half of the total loss's fall",
            "edge 89 %",
        ),
        (
            {("semseg", "loss"): (2.0, 1.0, 1.6, 1.5, 2.5)},
            "random does not reach the full-data loss before 40 % of labels",
            "30 % (120)",
        ),
    ],
)
def test_each_criterion_names_what_fails_it(gate, changes, name, word):
    found = gate(changes)
    assert name in failed(found)
    criterion = next(one for one in criteria(found) if one.name == name)
    assert word in criterion.found
    assert criterion.advice


def test_the_first_budget_may_have_worse_refined_predictions(gate):
    assert failed(gate({("depth", "initial_loss"): (0.8, 0.8, 0.75, 0.7, None)})) == []


def test_luck_of_seeds_is_held_against_the_gap(gate):
    assert "random's NAUBC spreads over seeds by under a tenth of the gap to full data" in failed(
        gate(luck=0.1)
    )


def test_without_full_data_nothing_can_be_judged(gate):
    with pytest.raises(UserError, match="needs random at two budgets or more, and full data"):
        gate(full=False)


def test_the_numbers_are_those_of_the_results(gate):
    found = gate()
    files = gate_files(found, criteria(found))
    table = pd.read_csv(pd.io.common.BytesIO(files["tables/gate.csv"])).set_index(["task", "labelled"])
    assert table.loc[("depth", 240), "value"] == pytest.approx(0.8)
    assert table.loc[("semseg", 400), "initial_loss"] == pytest.approx(1.6)
    assert table.loc[("edge", 40), "constant_loss"] == pytest.approx(0.15)
    assert "| labels improve every task | met |" in files["tables/gate.md"].decode()


def test_what_fails_is_followed_by_what_to_change(gate):
    found = gate({("depth", "rmse"): (1.1, 1.1, 1.1, 1.1, 1.4)})
    said = gate_text(found, criteria(found))
    assert "FAIL" in said
    assert "To change: train longer" in said
