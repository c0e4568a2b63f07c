import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats

from benchmark.report.dataset_results import subjects
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.figures import loss_curves
from benchmark.report.results.load import read_results
from benchmark.report.results.study import read_study

FORMATS = ("csv", "pdf", "png", "svg")


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    """Total loss and two metrics of one task, of two strategies, one hostile, and two seeds."""
    metrics = {
        ("total", "loss"): (1.3, -0.4, 0.02),
        ("depth", "rmse"): (0.9, -0.2, 0.02),
        ("depth", "loss"): (1, -0.2, 0.02),
    }
    table = synthetic.rows(["random", "a_b%$<script>$"], seeds=2, metrics=metrics)
    return synthetic.write(tmp_path_factory.mktemp("results"), table)


@pytest.fixture(scope="module")
def total_loss(folder, synthetic, tmp_path_factory):
    """The total loss of ``folder`` alone."""
    table = read_results(folder).table.query("task == 'total'")[synthetic.header]
    return synthetic.write(tmp_path_factory.mktemp("total"), table.itertuples(index=False))


def render(folder, columns=1):
    """The files of curves, and every matplotlib Figure that was saved by the label of its first y axis."""
    seen = {}
    save = Figure.savefig

    def keep(self, *args, **kwargs):
        seen[self.axes[0].get_ylabel()] = self
        return save(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", keep)
        (subject,) = subjects(read_study(folder))
        files = loss_curves.render(subject, Paper(columns))
    return {f"{name}.{kind}": content for name, of in files.items() for kind, content in of.items()}, seen


@pytest.fixture(scope="module")
def rendered(folder):
    return render(folder)


@pytest.fixture(scope="module")
def files(rendered):
    return rendered[0]


@pytest.fixture(scope="module")
def drawn(rendered):
    return rendered[1]


def test_each_figure_comes_in_all_formats_with_its_numbers(files):
    assert set(files) == {f"{name}.{kind}" for name in ("total_loss", "task_depth") for kind in FORMATS}
    assert files["total_loss.pdf"].startswith(b"%PDF")


@pytest.mark.parametrize(("name", "inches"), [("total_loss", 3.3), ("task_depth", 6.9)])
def test_figures_are_one_or_two_columns_wide(files, name, inches):
    with Image.open(io.BytesIO(files[f"{name}.png"])) as image:
        assert image.width == pytest.approx(inches * 300, abs=1)
        assert image.convert("L").getextrema() == (0, 255)


def test_csv_holds_every_seed_beside_its_mean_and_interval(files, folder):
    table = pd.read_csv(io.BytesIO(files["total_loss.csv"]))
    given = read_results(folder).table.query("task == 'total'")
    assert sorted(table["value"]) == pytest.approx(sorted(given["value"]))
    for _, cell in table.groupby(["strategy", "labelled"]):
        low, high = stats.t.interval(0.95, 1, cell["value"].mean(), stats.sem(cell["value"]))
        assert list(cell["low"]) + list(cell["high"]) == pytest.approx([low] * 2 + [high] * 2)


def test_bands_are_t_intervals_around_the_means(synthetic, total_only, tmp_path):
    folder = synthetic.write(tmp_path, synthetic.rows(["random"], seeds=5, metrics=total_only))
    results, (_, drawn) = read_results(folder), render(folder)
    ax = drawn["Total validation loss ↓"].axes[0]
    expected = [t_limits(values) for _, values in curves_of(results).groupby("share")["value"]]
    vertices = ax.collections[0].get_paths()[0].vertices
    assert {round(y, 9) for _, y in vertices} == {
        round(float(limit), 9) for cell in expected for limit in cell
    }


def t_limits(values):
    return stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))


def curves_of(results):
    return results.table[results.table["strategy"] != "full-data"]


def test_full_data_is_a_line_at_its_mean(folder, drawn):
    results = read_results(folder)
    ax = drawn["Total validation loss ↓"].axes[0]
    mean = results.table.query("strategy == 'full-data' and task == 'total'")["value"].mean()
    assert any(list(line.get_ydata()) == pytest.approx([mean, mean]) for line in ax.lines)


def drawn_of(synthetic, total_only, folder, names, seeds):
    """The results, the numbers, the axes and the legend's title of the total loss of these."""
    synthetic.write(folder, synthetic.rows(names, seeds=seeds, metrics=total_only))
    files, drawn = render(folder)
    figure = drawn["Total validation loss ↓"]
    table = pd.read_csv(io.BytesIO(files["total_loss.csv"]), keep_default_na=False)
    return read_results(folder), table, figure.axes[0], figure.legends[0].get_title().get_text()


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_seeds_are_thin_lines_and_no_band(synthetic, total_only, tmp_path, seeds):
    results, table, ax, title = drawn_of(synthetic, total_only, tmp_path, ["random", "entropy"], seeds)
    assert len(ax.collections) == len(ax.patches) == 0
    thin = [
        tuple(line.get_ydata()) for line in ax.lines if line.get_linewidth() < 1 and len(line.get_xdata()) > 2
    ]
    expected = [tuple(rows["value"]) for _, rows in curves_of(results).groupby(["strategy", "seed"])]
    assert sorted(thin) == sorted(expected)
    assert set(table["drawn"]) == {"seeds"}
    assert title.replace("\n", " ") == f"rooms: mean, and each of {seeds} seeds as a thin line"
    low, high = ax.get_ylim()
    assert low < table["value"].min() <= table["value"].max() < high


def test_panels_are_the_metrics_of_the_task_loss_first(drawn):
    assert [ax.get_ylabel() for ax in drawn["Loss ↓"].axes] == ["Loss ↓", "RMSE ↓"]


@pytest.mark.parametrize(
    "names", [["random", "b"], ["random", "consistency-diversity[weighting=none,measure=loss]" * 2]]
)
def test_the_legend_covers_no_panel_and_lies_within_the_figure(synthetic, total_only, tmp_path, names):
    _, drawn = render(synthetic.write(tmp_path, synthetic.rows(names, seeds=1, metrics=total_only)))
    figure = drawn["Total validation loss ↓"]
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.y1 <= figure.axes[0].get_tightbbox().y0
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert box.y0 >= 0
    assert len(legend.get_texts()) == 3


def test_colours_are_the_same_in_all_figures(drawn):
    seen = [
        [line.get_color() for line in ax.lines if line.get_marker() != "None"]
        for f in drawn.values()
        for ax in f.axes
    ]
    assert len(seen) == 3
    assert all(colours == seen[0] for colours in seen)


def test_hostile_names_stay_text_in_svg(files):
    root = ElementTree.fromstring(files["total_loss.svg"])
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_pdf_fonts_can_be_edited(files):
    assert b"/CIDFontType2" in files["total_loss.pdf"]
    assert b"/Type3" not in files["total_loss.pdf"]


def test_files_hold_no_date(files):
    for name, content in files.items():
        assert not re.search(rb"CreationDate|<dc:date>|tIME", content), name


def test_drawing_leaves_no_trace_in_matplotlib(total_loss):
    import seaborn  # noqa: F401 (what it sets when first imported is its own)
    from matplotlib import pyplot

    backend, before = mpl.rcParams["backend"], dict(mpl.rcParams)
    render(total_loss)
    assert (mpl.rcParams["backend"], dict(mpl.rcParams)) == (backend, before)
    assert pyplot.get_fignums() == []


def test_a_single_panel_takes_the_columns_that_are_asked_for(total_loss):
    with Image.open(io.BytesIO(render(total_loss, columns=2)[0]["total_loss.png"])) as image:
        assert image.width == pytest.approx(6.9 * 300, abs=1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "table",
    [
        [("rooms", "full-data", 0, 0, 400, "total", "loss", 0.8)],
        [("rooms", "random", 0, 0, 40, "total", "loss", "")],
        [
            ("rooms", "random", 0, 0, 40, "total", "loss", 1.0),
            ("rooms", "random", 0, 0, 40, "odd$", "new_$x$", 0.0),
        ],
    ],
    ids=["only full data", "only a missing value", "an unknown metric"],
)
def test_results_that_have_just_begun_are_drawn(synthetic, tmp_path, table):
    files, _ = render(synthetic.write(tmp_path, table))
    assert len(files) == 4 * len({row[5] for row in table if row[-1] != ""})
