"""A study in Python says what the files of its report say."""

import io

import pandas as pd
import pytest

from benchmark import compare, load
from benchmark.errors import UserError
from benchmark.report import read_studies, terminal_text
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import canvas
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures.loss_curves import curves_of
from benchmark.report.formats.html import as_html
from benchmark.report.formats.table import Cell, Table
from benchmark.report.tables import headline_table as headline

ARCHIVE = "docs/study/first/camvid.zip"


@pytest.fixture(scope="module")
def archive(pytestconfig):
    return pytestconfig.rootpath / ARCHIVE


@pytest.fixture(scope="module")
def study(archive):
    return load(archive)


@pytest.fixture(scope="module")
def report(archive):
    """Files of its report by their path: tables, and the numbers of the figure of the total loss."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "_saved", lambda *_: b"")
        read = read_studies([archive])
        picture = curves_of(DatasetResults(read, "camvid"), "total", Paper())
        return headline.render(read.results) | {"figures/total_loss.csv": picture.files()["csv"]}


def test_it_says_what_it_is(study, archive):
    assert repr(study) == f"Study('{archive}': camvid, {len(study.strategies)} strategies, 3 seeds)"
    assert study.folder == archive
    assert study.experiment["dataset"].endswith("camvid.yaml")
    assert study.datasets == ["camvid"]


@pytest.mark.parametrize("table", ["naubc", "headline"])
def test_data_frames_are_the_tables_of_the_report(study, report, table):
    frame = getattr(study, table)
    written = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    pd.testing.assert_frame_equal(written, pd.read_csv(io.BytesIO(report[f"tables/{table}.csv"])))


def test_the_long_table_is_that_of_the_archive(study, archive):
    import zipfile

    with zipfile.ZipFile(archive) as packed, packed.open("results.csv") as stream:
        written = pd.read_csv(stream)
    key = [column for column in written.columns if column != "value"]
    ours = study.results[written.columns].sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(ours, written.sort_values(key, ignore_index=True), check_dtype=False)


def test_a_figure_draws_what_the_report_draws(study, report):
    figure = study.plot()
    (axes,) = figure.axes
    assert axes.get_ylabel() == "Total validation loss ↓"
    drawn = pd.read_csv(io.BytesIO(report["figures/total_loss.csv"]))
    means = drawn[drawn["strategy"] == "random"].drop_duplicates("labelled")["mean"]
    lines = [sorted(line.get_ydata()) for line in axes.get_lines() if len(line.get_xdata()) == len(means)]
    assert sorted(means) in lines


def test_a_figure_of_a_task_has_a_panel_a_metric_and_shows_itself(study):
    figure = study.plot("semseg", columns=2)
    assert "mIoU (%) ↑" in [axes.get_ylabel() for axes in figure.axes]
    content, size = figure._repr_png_()
    assert content.startswith(b"\x89PNG")
    assert size["width"] == 966


def test_a_comparison_is_that_of_the_command(study, archive, mtal):
    name = next(name for name in study.strategies if name != "random")
    found = study.compare(name, "random")
    assert repr(found) == str(compare(name, "random", archive)) == found.text
    said = mtal("compare", name, "random", archive).out
    assert " ".join(said.split()) == " ".join(found.text.split())
    row = study.headline.set_index("strategy").loc[name]
    assert found.numbers["mean"].tolist() == [row["minus_random_mean"]]
    assert found.numbers["low"].tolist() == [row["minus_random_low"]]


def test_a_notebook_shows_the_tables(study):
    shown = study._repr_html_()
    assert shown.count("<table>") == 2
    assert f"<th>{study.strategies[0]}</th>" in shown


def test_every_name_in_a_table_is_escaped_and_the_best_is_bold():
    rows = [("<script>", [Cell("1.0", " ± 0.1", " [n = 2]", "best")]), ("b", [Cell("2.0")])]
    shown = as_html(Table(["<i>"], rows, [], "a & b", ["x < y"]))
    assert "<tr><th>&lt;script&gt;</th><td><b>1.0</b> ± 0.1 [n = 2]</td></tr>" in shown
    assert "<td>2.0</td>" in shown
    assert all(part not in shown for part in ("<script>", "<i>", "x < y", "a & b"))


def test_the_printed_study_is_the_printed_report(study, archive):
    assert str(study) == terminal_text(read_studies([archive]))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda study: study.plot("nosuch"), "has no curves of a task 'nosuch'; it has: total, "),
        (lambda study: study.plot(dataset="nowhere"), "there is no data set 'nowhere'; give one of camvid"),
        (lambda study: study.compare("nosuch", "random"), "The results hold no strategy 'nosuch'"),
        (lambda study: study.compare("random", "random"), "against itself says nothing"),
        (lambda study: load("nowhere"), "nowhere"),
        (lambda study: load("nowhere.zip"), "There is no file nowhere.zip"),
        (lambda study: load(), "Give the folder of a run"),
    ],
)
def test_wrong_questions_are_one_sentence(study, ask, words):
    with pytest.raises(UserError) as raised:
        ask(study)
    assert words in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_several_folders_are_one_study(pytestconfig):
    both = [
        pytestconfig.rootpath / "docs" / "study" / "first" / name for name in ("camvid.zip", "dev-rooms.zip")
    ]
    study = load(*both)
    assert study.datasets == ["camvid", "rooms"]
    with pytest.raises(UserError, match="there are 2 data sets; give one of camvid, rooms"):
        study.plot()
    with pytest.raises(UserError, match="This study is of 2 folders"):
        _ = study.folder
