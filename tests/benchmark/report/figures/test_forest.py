"""The forest plot: its rows are the shares and means of the table, and its marks lie where these say."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmark.report import read_studies
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures import forest
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.over_datasets.gap_shares import Share, share_of
from benchmark.report.tables.over_datasets_table import effects_of, render, summaries
from tests.benchmark.report.statistics.over_datasets.test_gap_shares import of_datasets


@pytest.fixture(scope="module")
def read(synthetic, tmp_path_factory):
    """Reads a folder of results of so many data sets."""

    def made(count):
        folder = of_datasets(synthetic, tmp_path_factory.mktemp("forest") / "results", "abc"[:count])
        return read_studies([folder])

    return made


@pytest.fixture(scope="module")
def study(read):
    return read(3)


def drawn(study):
    told = summaries(study)
    rows = list(forest._rows(told, study.results.strategies))
    figure = Figure()
    ax = figure.subplots()
    forest._forest(ax, rows)
    return told, rows, ax


def test_its_numbers_are_what_went_into_the_means(study):
    files = forest.render(study, Paper())
    assert sorted(files) == ["csv", "pdf", "png", "svg"]
    found = pd.read_csv(io.BytesIO(files["csv"]))
    pd.testing.assert_frame_equal(found, effects_of(summaries(study)))


def test_each_strategy_has_its_mean_and_below_it_its_data_sets(study):
    told, rows, ax = drawn(study)
    names = [name for one in told for name in (one.strategy, "a", "b", "c")]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    places = [row.place for row in rows]
    assert places == sorted(places)
    assert min(np.diff(places)) > 0.99, "rows lie upon each other"
    low, high = ax.get_xlim()
    assert all(low < end < high for row in rows for end in forest._ends(row.shown))


def test_marks_lie_where_the_numbers_say_and_diamonds_are_as_wide_as_the_interval(study):
    told, rows, ax = drawn(study)
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    shares = [row.shown for row in rows if isinstance(row.shown, Share)]
    assert [line.get_xdata()[0] for line in squares] == pytest.approx([100 * s.share for s in shares])
    assert len(ax.patches) == len(told)
    for one, diamond in zip(told, ax.patches, strict=True):
        x = diamond.get_xy()[:, 0]
        assert (x.min(), x.max()) == pytest.approx((100 * one.found.low, 100 * one.found.high))


def test_the_most_certain_data_set_has_the_largest_square(study):
    _, rows, _ = drawn(study)
    first = rows[1:4]
    by_error = sorted(first, key=lambda row: row.shown.error)
    sizes = [row.size for row in by_error]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == forest.LARGEST


def test_the_interval_of_a_share_is_that_of_values_with_its_error(study):
    one = share_of(evidence(study.results, "a"), "entropy", "random")
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # five seeds: their standard error is known
    scaled = one.share + values * one.error / (values.std(ddof=1) / np.sqrt(5))
    assert one.interval == pytest.approx(t_interval(scaled)[1:])


def test_two_data_sets_have_no_line_for_a_further_one_and_one_has_no_figure(read):
    two = read(2)
    assert "further data set" not in forest.caption(summaries(two))
    assert "csv" in forest.render(two, Paper())
    assert forest.render(read(1), Paper()) == {}
    assert render(read(1)) == {}
