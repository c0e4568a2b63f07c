"""A metric that a task of one's own declares is read as it says, from the results alone."""

import pytest

from benchmark.report.dataset_results import subjects
from benchmark.report.page.charts import task_charts
from benchmark.report.results.merge import merged
from benchmark.report.results.metrics import PLAIN, Metrics, told_by
from benchmark.report.results.study import read_study
from benchmark.report.tables import delta_mtl_table
from benchmark.report.validity import labels_matter

TABLE = {("total", "loss"): (1.3, -0.4, 0.02), ("order", "rank_error"): (40.0, -10.0, 0.5)}


@pytest.fixture
def folder(synthetic, tmp_path):
    """Makes results whose only task has a metric of its own, better as it says."""

    def made(name="run", better="lower", seeds=2):
        table = synthetic.rows(("random", "entropy"), seeds, metrics=TABLE)
        path = synthetic.add_rounds(synthetic.write(tmp_path / name, table), table)
        about = {"kind": "scalar", "weight": 1.0, "headline": "rank_error", "better": {"rank_error": better}}
        return synthetic.add_experiment(synthetic.add_facts(path, tasks={"order": about}))

    return made


def test_delta_mtl_takes_its_direction(folder):
    means = {}
    for better in ("lower", "higher"):
        study = read_study(folder(better, better))
        assert study.headlines("rooms") == {"order": "rank_error"}
        found = delta_mtl_table.deltas(subjects(study)[0])
        means[better] = found[found["task"] == "order"]["value"].mean()
        assert "rank_error of order" in delta_mtl_table.make_table(subjects(study)[0]).notes[0]
    assert means["lower"] == pytest.approx(-means["higher"])
    assert means["lower"] < 0  # fewer labels than all of them give a larger error


def test_validity_sees_it_get_better_or_worse(folder):
    texts = {
        better: " ".join(labels_matter.notes(read_study(folder(better, better))))
        for better in ("lower", "higher")
    }
    assert "ore labels made order rank_error no better" not in texts["lower"]
    assert "ore labels made order rank_error no better" in texts["higher"]


def test_charts_show_the_arrow(folder):
    (subject,) = subjects(read_study(folder()))
    from benchmark.report.drawing.emphasis import emphasis

    rows, numbers = subject.results.of("rooms"), {"random": 0, "entropy": 1}
    (chart,) = task_charts(rows, numbers, 400, emphasis(subject), metrics=subject.results.metrics)
    assert chart.title == "order: rank_error ↓"


def test_what_two_folders_say_the_opposite_of_has_no_direction():
    one, other = Metrics({"a": "lower", "b": "higher"}), Metrics({"a": "higher", "c": "lower"})
    assert (one | other).own == {"b": "higher", "c": "lower"}
    assert (one | PLAIN).own == one.own


def test_merged_folders_keep_it(folder):
    study = merged([read_study(folder("a"))])
    assert study.results.metrics["rank_error"].better == "lower"
    assert study.results.metrics["miou"].better == "higher"


@pytest.mark.parametrize("tasks", [None, [], {"a": 1}, {"a": {"better": 3}}, {"a": {"better": {"x": "up"}}}])
def test_what_is_no_direction_says_nothing(tasks):
    assert told_by(tasks) == PLAIN
    assert told_by({"a": {"better": {"miou": "lower"}}})["miou"].better == "higher"
