"""What is said of a study in which labels made no difference, and of one in which they did."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.report import write_report
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.study import read_study
from benchmark.report.validity.labels_matter import checks_of, notes, numbers
from benchmark.report.validity.regime import regime

TASKS = {
    "semseg": {"kind": "categorical", "weight": 1.0, "headline": "miou"},
    "depth": {"kind": "scalar", "weight": 2.0, "headline": "rmse"},
    "edge": {"kind": "binary", "weight": 10.0, "headline": "edge_f"},
}
#: Value at 10 %, at 40 %, with all labels, and of the constant.
SOUND = {
    ("semseg", "loss"): (2.0, 1.6, 1.2, 2.5),
    ("semseg", "initial_loss"): (2.2, 1.8, 1.4, None),
    ("semseg", "miou"): (20.0, 30.0, 40.0, 5.0),
    ("depth", "loss"): (0.8, 0.65, 0.5, 1.0),
    ("depth", "initial_loss"): (0.82, 0.7, 0.55, None),
    ("depth", "rmse"): (1.1, 0.9, 0.7, 1.4),
    ("edge", "loss"): (0.10, 0.08, 0.05, 0.15),
    ("edge", "initial_loss"): (0.11, 0.09, 0.06, None),
    ("edge", "edge_f"): (50.0, 55.0, 62.0, 30.0),
}
WEIGHTS = {task: about["weight"] for task, about in TASKS.items()}


def total(values, place):
    losses = [values[task, "loss"][place] for task in WEIGHTS]
    if None in losses:
        return None
    return sum(WEIGHTS[task] * values[task, "loss"][place] for task in WEIGHTS)


def table_of(values, seeds=2, spread=0.0, full=True, constant=True):
    """Two strategies at two budgets, all labels and the constant; seeds differ by ``spread``, relatively."""
    values = values | {("total", "loss"): tuple(total(values, place) for place in range(4))}
    places = [("random", 0, 40, 0), ("entropy", 0, 40, 0), ("random", 1, 160, 1), ("entropy", 1, 160, 1)]
    places += [("full-data", 0, 400, 2)] * full + [("constant", 0, 40, 3)] * constant
    return [
        (
            "rooms",
            name,
            seed,
            number,
            labelled,
            task,
            metric,
            value[place] * (1 + spread * (seed % 2) * place),
        )
        for name, number, labelled, place in places
        for seed in range(seeds)
        for (task, metric), value in values.items()
        if value[place] is not None
    ]


@pytest.fixture
def said(synthetic, tmp_path):
    """The sentences on results, with ``recipe`` of their experiment."""

    def of(values, recipe=None, **options):
        folder = synthetic.write(tmp_path, table_of(values, **options))
        synthetic.add_facts(folder, tasks=TASKS)
        recipe = {"iterations": 400, "batch_size": 8} if recipe is None else recipe
        synthetic.add_experiment(folder, recipe=recipe)
        return checks_of(DatasetResults(read_study(folder), "rooms"))

    return of


def warnings(found):
    return [check.text for check in found if check.warning]


def test_a_sound_study_has_facts_and_no_warning(said):
    found = said(SOUND)
    facts = {check.name: check.text for check in found}
    assert warnings(found) == []
    assert "semseg mIoU (%) 20 to 40" in facts["from 10 % (40) to all labels"]
    assert facts["refined predictions"] == "at least as good as the initial ones for every task"
    assert facts["epochs"] == (
        "400 iterations of 8 images are 80 at 10 % (40), 20 at 40 % (160), 8 at 100 % (400)"
    )
    # 1 x .8, 2 x .3 and 10 x .05 of 1.9
    assert facts["shares of the total loss's fall"] == "semseg 42 %, depth 32 %, edge 26 %"
    assert "depth 0.5 (1)" in facts["loss with all labels (of the best constant prediction)"]


@pytest.mark.parametrize(
    ("rmse", "words"),
    [
        ((1.1, 1.0, 1.1), "more labels made depth RMSE no better: 1.1 at 10 % (40), 1.1 with all labels"),
        ((1.1, 1.0, 1.2), "more labels made depth RMSE no better"),
        (
            (1.1, 1.0, 1.09),
            "labels made no difference for depth RMSE to speak of: 1.1 at 10 % (40), 1.09 with",
        ),
    ],
)
def test_labels_that_made_no_difference_are_named(said, rmse, words):
    (text,) = warnings(said(SOUND | {("depth", "rmse"): (*rmse, 1.4)}))
    assert words in text


def test_a_metric_where_more_is_better_that_falls_is_named(said):
    (text,) = warnings(said(SOUND | {("semseg", "miou"): (9.3, 9.0, 8.3, 5.0)}))
    assert text == "more labels made semseg mIoU (%) no better: 9.3 at 10 % (40), 8.3 with all labels"


def test_a_gain_within_the_spread_of_seeds_is_named_from_four_seeds_on(said):
    values = SOUND | {("depth", "rmse"): (1.1, 1.0, 1.0, 1.4)}
    assert warnings(said(values, seeds=6)) == []
    noisy = warnings(said(values, seeds=6, spread=0.06))
    assert [text for text in noisy if "depth RMSE that 6 seeds show" in text]
    few = warnings(said(values, seeds=2, spread=0.06))
    assert not [text for text in few if "seeds show" in text]


def test_a_refined_prediction_worse_than_the_initial_is_named_with_its_place(said):
    (text,) = warnings(said(SOUND | {("depth", "initial_loss"): (0.7, 0.66, 0.51, None)}))
    assert (
        text == "the refined prediction is worse than the initial: depth at 10 % (40) (loss 0.8 against 0.7)"
    )


def test_less_than_an_epoch_is_named(said):
    found = said(SOUND, recipe={"iterations": 40, "batch_size": 8})
    (text,) = warnings(found)
    assert text == "a training of 40 iterations of 8 images is over before each image was seen: 100 % (400)"


def test_one_task_that_makes_most_of_the_fall_is_named(said):
    large = {("semseg", "loss"): (3.0, 2.4, 0.9, 3.5), ("semseg", "initial_loss"): (3.1, 2.6, 1.1, None)}
    (text,) = warnings(said(SOUND | large))
    assert "semseg alone makes 66 % of the total loss's fall" in text


def test_tasks_no_better_than_the_constant_are_named_once_a_place(said):
    values = SOUND | {("edge", "loss"): (0.16, 0.15, 0.12, 0.15), ("depth", "rmse"): (1.4, 1.2, 0.9, 1.4)}
    found = [text for text in warnings(said(values)) if "constant" in text]
    assert found == [
        "no better than the best constant prediction at 10 % (40): depth RMSE 1.4 against 1.4, "
        "edge loss 0.16 against 0.15"
    ]


def test_without_full_data_the_last_budget_ends_it(said):
    found = said(SOUND, full=False)
    assert found[0].name == "from 10 % (40) to 40 % (160)"
    assert "depth RMSE 1.1 to 0.9" in found[0].text
    assert warnings(found) == []


def test_results_without_constant_recipe_or_weights_say_what_they_can(said, synthetic, tmp_path):
    found = said(SOUND, constant=False, recipe={})
    assert {check.name for check in found} == {
        "from 10 % (40) to all labels",
        "refined predictions",
        "shares of the total loss's fall",
    }
    bare = synthetic.write(tmp_path / "bare", table_of(SOUND))
    names = {check.name for check in checks_of(DatasetResults(read_study(bare), "rooms"))}
    assert "shares of the total loss's fall" not in names
    assert "epochs" not in names


def test_one_budget_alone_asks_nothing(synthetic, tmp_path):
    table = [row for row in table_of(SOUND, full=False) if row[4] == 40]
    folder = synthetic.write(tmp_path, table)
    assert checks_of(DatasetResults(read_study(folder), "rooms")) == []
    assert notes(read_study(folder)) == []


def test_the_first_budget_is_shared_and_draws_of_random_change_nothing(said, synthetic, tmp_path):
    table = table_of(SOUND)
    table += [(*row[:1], "random[draw=2]", *row[2:]) for row in table if row[1] == "random"]
    folder = synthetic.write(tmp_path / "draws", table)
    one = regime(DatasetResults(read_study(folder), "rooms"))
    assert one.change("depth", "rmse").gain == pytest.approx(0.4)


@pytest.fixture(scope="module")
def reported(synthetic, tmp_path_factory):
    """A folder whose labels made no difference to a task, and what its report prints."""
    values = SOUND | {("depth", "rmse"): (1.1, 1.0, 1.1, 1.4)}
    folder = synthetic.write(tmp_path_factory.mktemp("reported"), table_of(values))
    synthetic.add_facts(folder, tasks=TASKS)
    synthetic.add_experiment(folder, recipe={"iterations": 400, "batch_size": 8}, budgets=[40, 160])
    return folder, write_report(folder).text


def test_the_report_prints_and_keeps_it(reported):
    folder, text = reported
    text = " ".join(text.split())
    words = "More labels made depth RMSE no better: 1.1 at 10 % (40), 1.1 with all labels."
    assert f"Warning: {words}" in text
    assert "Validity of rooms. From 10 % (40) to all labels: depth RMSE 1.1 to 1.1" in text
    protocol = (folder / "tables" / "protocol.md").read_text()
    assert "**rooms: validity**" in protocol
    assert words[1:-1] in protocol
    page = (folder / "index.html").read_text()
    assert words[1:-1] in page
    written = pd.read_csv(folder / "tables" / "validity.csv").set_index(["task", "metric"])
    assert written.loc["depth", "rmse"][["first", "end", "constant"]].tolist() == pytest.approx(
        [1.1, 1.1, 1.4]
    )


def test_the_constant_is_a_row_that_is_never_ranked(reported):
    folder, text = reported
    rows = [line for line in text.splitlines() if line.startswith("constant ")]
    assert f"{total(SOUND, 3):.3f}" in rows[0]
    assert "constant is no network but the best constant prediction" in " ".join(text.split())
    study = read_study(folder)
    assert study.results.strategies == ["entropy", "random"]
    assert "constant" not in DatasetResults(study, "rooms").order
    assert "constant" in set(pd.read_csv(folder / "tables" / "loss_vs_labels.csv")["strategy"])
    headline = pd.read_csv(folder / "tables" / "headline.csv")
    assert set(headline["strategy"]) == {"entropy", "random"}


def test_numbers_hold_every_pair(said, synthetic, tmp_path):
    folder = synthetic.write(tmp_path / "numbers", table_of(SOUND))
    table = numbers(regime(DatasetResults(read_study(folder), "rooms")))
    assert len(table) == len(SOUND) + 1
    assert table.set_index(["task", "metric"])["gain"]["total", "loss"] == pytest.approx(1.9)


def test_the_constant_is_in_the_figures_and_their_numbers(synthetic, tmp_path):
    near = SOUND | {("depth", "rmse"): (1.1, 0.9, 0.7, 0.95)}
    folder = synthetic.write(tmp_path, table_of(near, seeds=5, spread=0.01))
    write_report(folder)
    for name, there in (("total_loss", "total"), ("task_depth", "depth")):
        rows = pd.read_csv(folder / "figures" / f"{name}.csv")
        constant = rows[rows["strategy"] == "constant"]
        assert set(constant["task"]) == {there}
        assert set(constant["drawn"]) == {"line"}
    drawn = (folder / "figures" / "task_depth.svg").read_text()
    assert "constant 0.961" in drawn, "within the axes, the mean of 5 seeds of which two are 3 % larger"
    assert (
        f"constant {1.012 * total(near, 3):.3g} \N{UPWARDS ARROW}"
        in (folder / "figures" / "total_loss.svg").read_text()
    )
