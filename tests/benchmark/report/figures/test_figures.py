"""The other figures: their numbers are those of the statistics, and what is drawn are these numbers."""

import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from benchmark.records.round_store import Store
from benchmark.report import figures
from benchmark.report.dataset_results import subjects
from benchmark.report.drawing import canvas
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.results.load import total_loss
from benchmark.report.results.study import read_study
from benchmark.report.selections.overlap import chosen_images, overlap
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.delta_mtl import delta_mtl
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.naubc import naubc
from benchmark.report.statistics.over_datasets.rank_tests import ranks_over
from benchmark.report.statistics.paired_tests import paired_differences
from benchmark.report.statistics.penalty_matrix import MEAN, penalty_matrix
from benchmark.report.tables.costs import costs

FORMATS = ("csv", "pdf", "png", "svg")
NAMES = ("random", "entropy", "core-set", "true-loss")
OF_PAIRS = {"paired_difference", "penalty"}
#: Drawn where labels have prices alone (tests/benchmark/report/labels).
PRICED = {"labels_by_task"}
#: The budgets of ``synthetic`` in percent.
BUDGETS = [10, 20, 30, 40]


@pytest.fixture(scope="module")
def few_metrics(synthetic):
    """The headline, and the metrics of delta MTL."""
    wanted = {("total", "loss"), *((task, about["headline"]) for task, about in synthetic.tasks.items())}
    return {name: curve for name, curve in METRICS.items() if name in wanted}


METRICS = {
    ("total", "loss"): (1.3, -0.45, 0.025),
    ("semseg", "miou"): (31.0, 14.0, 0.9),
    ("depth", "rmse"): (0.9, -0.25, 0.015),
    ("normals", "mean_angle"): (27.0, -5.0, 0.3),
}


@pytest.fixture(scope="module")
def make(synthetic, few_metrics, tmp_path_factory):
    """Makes a folder of results with all that a run leaves; ``true-loss`` saw labels."""

    def made(names=NAMES, seeds=4, without=(), rounds=True, tasks=synthetic.tasks, **options):
        table = synthetic.rows(names, seeds, **{"metrics": few_metrics} | options)
        table = [row for row in table if row[1:3] not in without and row[1] not in without]
        folder = synthetic.write(tmp_path_factory.mktemp("run"), table)
        about = {name: {"family": "other", "reference": name == "true-loss"} for name in names}
        synthetic.add_facts(folder, tasks=tasks, strategies=about)
        return synthetic.add_rounds(folder, table) if rounds else folder

    return made


@pytest.fixture(scope="module")
def folder(make):
    return make()


def drawn(name, folder, columns=1):
    """The CSV of one figure as a table and the matplotlib Figure, unsaved; (None, None) if there is none."""
    seen = []
    (subject,) = subjects(read_study(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "METADATA", {"png": {}})
        patch.setattr(canvas, "_saved", lambda figure, kind: seen.append(figure) or b"")
        files = figures.OF_A_DATASET[name](subject, Paper(columns))
    return (pd.read_csv(io.BytesIO(files["csv"])), seen[0]) if files else (None, None)


def rows_of(ax):
    """The names beside an axis, from top to bottom."""
    return [label.get_text().replace("\n", "") for label in ax.get_yticklabels()]


def markers(ax, kind):
    """Where the single markers of one kind are."""
    return [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == kind]


def test_differences_to_random_are_paired_and_drawn(folder):
    table, figure = drawn("paired_difference", folder)
    losses = total_loss(read_study(folder).results.table)
    assert set(table["strategy"]) == set(NAMES) - {"random"}
    for (name, labelled), cell in table.groupby(["strategy", "labelled"]):
        expected = paired_differences(losses[losses["labelled"] == labelled], name, "random")
        assert sorted(cell["value"]) == pytest.approx(sorted(expected))
        assert tuple(cell.iloc[0][["mean", "low", "high"]]) == pytest.approx(t_interval(expected))
    assert [ax.get_title() for ax in figure.axes] == [f"{percent} % labelled" for percent in BUDGETS]
    for ax, labelled in zip(figure.axes, (40, 80, 120, 160), strict=True):
        means = table[table["labelled"] == labelled].groupby("strategy")["mean"].first()
        drawn_at = sorted(line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1)
        assert drawn_at == pytest.approx(sorted(means))
    assert rows_of(figure.axes[0])[-1] == "true-loss (reference)"


def test_nothing_stands_beside_its_place_on_a_scale_of_labels(folder):
    """Each budget has a panel, each strategy a row; the shared first network has no difference to show."""
    table, figure = drawn("paired_difference", folder)
    assert (table.loc[table["labelled"] == 40, "value"] != 0).any()  # these trajectories share none
    assert len(figure.axes) == 4
    assert len({ax.get_xlim() for ax in figure.axes}) == 1


def test_a_seed_that_random_lacks_is_no_pair(make):
    table, _ = drawn("paired_difference", make(without=[("random", 2)]))
    assert set(table["seed"]) == {0, 1, 3}
    assert set(table["seeds"]) == {3}


def test_labels_needed_are_those_of_the_headline_and_what_is_not_reached_lies_beyond_the_budgets(folder):
    table, figure = drawn("label_saving", folder)
    study = read_study(folder)
    found = evidence(study.results, "rooms")
    assert set(table["target"]) == {"full-data loss", "loss of random at 40 %"}
    for row in table.to_dict("records"):
        labels = (found.needed if row["target"] == "full-data loss" else found.matching)[row["strategy"]]
        expected = (labels.needed, labels.low, labels.high, labels.seeds)
        assert (row["needed"], row["low"], row["high"], row["seeds"]) == pytest.approx(expected)
    (ax,) = figure.axes
    censored = int(np.isinf(table["needed"]).sum())
    assert censored == 4  # nobody reaches the full-data loss of this shape
    beyond = [x for x, _ in markers(ax, ">")]
    assert len(beyond) == censored
    assert all(40 < x < ax.get_xlim()[1] for x in beyond)
    arrows = [text.xy[0] for text in ax.texts if text.arrow_patch is not None]
    open_ends = int(np.isinf(table["high"]).sum()) + int((table["low"] == 0).sum())
    assert len(arrows) == open_ends >= censored
    assert set(arrows) <= set(ax.get_xlim())
    reached = 100 * table["needed"][np.isfinite(table["needed"])]
    assert sorted(x for x, _ in markers(ax, "o")) == pytest.approx(sorted(reached))
    assert rows_of(ax)[-1] == "true-loss (reference)"


def test_areas_are_drawn_best_first_and_references_below_a_rule(folder):
    table, figure = drawn("naubc", folder)
    losses = total_loss(read_study(folder).results.table)
    for row in table.itertuples():
        own = losses[(losses["strategy"] == row.strategy) & (losses["seed"] == row.seed)]
        assert row.value == pytest.approx(naubc(own["labelled"], own["value"]))
    (ax,) = figure.axes
    means = table.groupby("strategy")["value"].mean()
    ranked = list(means.drop("true-loss").sort_values().index)
    assert rows_of(ax) == [*ranked, "true-loss (reference)"]
    assert any(list(line.get_ydata()) == [2.5, 2.5] for line in ax.lines)
    ticks = [x for part in ax.collections for x, _ in part.get_offsets() if len(part.get_offsets()) == 4]
    assert sorted(ticks) == pytest.approx(sorted(table["value"]))
    spans = {tuple(path.vertices[:, 0].round(9)) for path in ax.collections[-1].get_paths()}
    for _, cell in table.groupby("strategy"):
        assert tuple(np.round(t_interval(cell["value"])[1:], 9)) in spans


def test_a_trajectory_that_ended_early_has_no_area(make, synthetic):
    folder = make()
    (Store(folder).trajectory("rooms", "entropy", 0) / "round-03.json").unlink()
    Store(folder).write_results()
    table, _ = drawn("naubc", folder)
    assert set(table.loc[table["strategy"] == "entropy", "seed"]) == {1, 2, 3}
    assert set(table.loc[table["strategy"] == "entropy", "seeds"]) == {3}


def test_the_penalty_matrix_is_that_of_ranked_strategies_after_the_shared_round(folder):
    table, figure = drawn("penalty", folder)
    losses = total_loss(read_study(folder).results.table)
    shown = losses[losses["strategy"].isin(NAMES[:3]) & (losses["labelled"] > 40)]
    expected = penalty_matrix(shown)
    assert len(table) == 4 * 3
    for row in table.itertuples():
        assert row.beats == pytest.approx(expected.loc[row.strategy, row.against])
    (ax,) = figure.axes
    names = [name.rpartition(" ")[0] or name for name in rows_of(ax)]
    assert names[-1] == "mean"
    written = np.reshape([text.get_text() for text in ax.texts], (4, 3))
    for row, name in enumerate([*names[:-1], MEAN]):
        assert list(written[row]) == [f"{value:.2f}" for value in expected.loc[name, names[:-1]]]


def test_the_overlap_is_that_of_the_last_budget(folder):
    table, figure = drawn("overlap", folder)
    expected = overlap(chosen_images(Store(folder).rounds()), 160)
    assert len(table) == 16
    for row in table.itertuples():
        assert row.jaccard == pytest.approx(expected.loc[row.strategy, row.against])
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "true-loss (reference) (4)"
    assert "chance 0.20" in " ".join(figure.get_supxlabel().split())  # 120 / (2 * 360 - 120)


def test_costs_add_up_to_bars(folder):
    table, figure = drawn("cost", folder)
    spent = costs(Store(folder).rounds())
    whole, choosing = figure.axes
    order = rows_of(whole)
    for row, name in enumerate(order):
        mean = spent[spent["strategy"] == name.removesuffix(" (reference)")].mean(numeric_only=True)
        lengths = [bars[row].get_width() for bars in whole.containers]
        assert lengths == pytest.approx([mean[stage] for stage in ("train", "evaluate", "observe", "select")])
        ends = [bars[row].get_x() for bars in choosing.containers]
        assert ends == pytest.approx([0, mean["observe"]])
        assert choosing.texts[row].get_text() == f"{mean['observe'] + mean['select']:.3g}"
    full = table[table["strategy"] == "full-data"]
    assert "full-data" not in order
    assert set(full["stage"]) == {"train", "evaluate"}
    assert table.groupby(["strategy", "stage"])["seconds"].mean().to_numpy() == pytest.approx(
        table.groupby(["strategy", "stage"])["mean"].first().to_numpy()
    )


def test_delta_mtl_is_drawn_per_task_and_for_their_mean(folder, synthetic):
    table, figure = drawn("delta_mtl", folder)
    headlines = {task: about["headline"] for task, about in synthetic.tasks.items()}
    expected = delta_mtl(read_study(folder).results.table, headlines)
    last = expected[expected["labelled"] == 160].sort_values(["strategy", "seed", "task"])
    assert list(table.sort_values(["strategy", "seed", "task"])["value"]) == pytest.approx(
        list(last["value"])
    )
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "semseg (%) ↑", "depth (%) ↑", "normals (%) ↑", "mean (%) ↑"
    ]  # fmt: skip
    for ax in figure.axes:
        task = ax.get_xlabel().removesuffix(" (%) ↑")
        means = set(table.loc[table["task"] == task, "mean"].round(9))
        assert means <= {round(float(line.get_xdata()[0]), 9) for line in ax.lines}


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({"names": ("entropy", "core-set")}, {"paired_difference"}),
        ({"names": ("random",)}, OF_PAIRS),
        ({"names": ("random", "true-loss")}, {"penalty"}),
        ({"seeds": 1}, {"penalty"}),
        ({"without": ("full-data",)}, {"delta_mtl"}),
        ({"without": ("full-data",), "names": ("entropy",)}, {*OF_PAIRS, "label_saving", "delta_mtl"}),
        ({"rounds": False}, {"overlap", "cost"}),
        ({"tasks": {}}, {"delta_mtl"}),
        ({"tasks": {"depth": {"kind": "scalar"}}}, {"delta_mtl"}),
        ({"tasks": {"depth": {"headline": "own"}}}, {"delta_mtl"}),
        ({"tasks": {"edge": {"headline": "edge_f"}}}, {"delta_mtl"}),
        ({"tasks": ["depth"]}, {"delta_mtl"}),
        ({"budgets": (40,)}, {"naubc", "penalty", "overlap"}),
        ({"names": ()}, set(figures.OF_A_DATASET)),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)  # fmt: skip
def test_a_figure_is_left_out_where_there_is_nothing_to_draw(make, options, gone):
    (subject,) = subjects(read_study(make(**{"names": NAMES[:2], "seeds": 2} | options)))
    with pytest.MonkeyPatch.context() as patch:
        for draw in figures.OF_A_DATASET.values():
            patch.setattr(sys.modules[draw.__module__], "picture", lambda *_, **__: {"csv": b""})
        assert {
            name for name, draw in figures.OF_A_DATASET.items() if not draw(subject, Paper())
        } == gone | PRICED


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", [{"budgets": (40,)}, {"seeds": 1}], ids=str)
def test_what_little_there_is_can_be_drawn(make, options):
    folder = make(**{"names": NAMES[:2], "seeds": 2} | options)
    assert any(drawn(name, folder)[1] for name in figures.OF_A_DATASET)


def test_one_seed_has_points_and_no_intervals(make):
    folder = make(seeds=1)
    for name in ("paired_difference", "naubc", "delta_mtl"):
        table, figure = drawn(name, folder)
        assert table[["low", "high"]].isna().all(axis=None)
        spans = [span for part in figure.axes[0].collections for span in spans_of(part)]
        assert not [span for span in spans if len(span) and np.isfinite(span).all()]


def spans_of(part):
    """The line pieces of a LineCollection."""
    return part.get_segments() if hasattr(part, "get_segments") else []


def test_a_strategy_has_one_colour_in_all_figures_whoever_is_shown(make):
    folder = make(names=("random", "a", "b", "c"), seeds=2)
    study = read_study(folder)
    (everybody,), (alone,) = subjects(study), subjects(study.only(["c"]))
    assert alone.look["c"] == everybody.look["c"]
    colour = everybody.look["c"].colour.lower()
    for name in ("paired_difference", "naubc", "label_saving", "delta_mtl"):
        _, figure = drawn(name, folder)
        assert colour in {to_hex(line.get_color()) for line in figure.axes[0].lines} | {
            to_hex(line.get_markerfacecolor()) for line in figure.axes[0].lines
        }, name


@pytest.fixture(scope="module")
def small(make):
    """Two strategies, one with a hostile name, of which everything can be drawn."""
    metrics = {("total", "loss"): METRICS["total", "loss"], ("depth", "rmse"): METRICS["depth", "rmse"]}
    return make(
        names=("random", "a_b%$<script>$x^2$"), seeds=2, metrics=metrics, budgets=(40, 80),
        tasks={"depth": {"headline": "rmse"}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(small):
    return figures.render(read_study(small), Paper(2))


def test_every_figure_comes_in_all_formats_and_two_columns_wide(files):
    names = {"total_loss", "task_depth", *figures.OF_A_DATASET} - PRICED
    assert set(files) == {f"figures/{name}.{kind}" for name in names for kind in FORMATS}
    for name in names:
        with Image.open(io.BytesIO(files[f"figures/{name}.png"])) as image:
            assert image.width == pytest.approx(6.9 * 300, abs=1)


def test_hostile_names_stay_text_and_fonts_can_be_edited(files):
    for name, content in files.items():
        assert not re.search(rb"CreationDate|<dc:date>|tIME", content), name
        if name.endswith(".svg"):
            root = ElementTree.fromstring(content)
            assert not [node for node in root.iter() if node.tag.endswith("script")], name
        if name.endswith(".pdf"):
            assert b"/CIDFontType2" in content
            assert b"/Type3" not in content


def all_drawn(folder):
    """The paths of all figures of a folder, unsaved."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "METADATA", {"png": {}})
        patch.setattr(canvas, "_saved", lambda figure, kind: b"")
        return figures.render(read_study(folder))


def test_data_sets_have_figures_of_their_own(synthetic, few_metrics, tmp_path):
    total = {("total", "loss"): METRICS["total", "loss"]}
    table = [
        row
        for name in ("rooms", "../x")
        for row in synthetic.rows(["random"], 1, dataset=name, metrics=total)
    ]
    names = {Path(name).name.partition("@")[2] for name in all_drawn(synthetic.write(tmp_path, table))}
    assert names == {f"{name}.{kind}" for name in ("rooms", "%2E%2E%2Fx") for kind in ("csv", "png")}


@pytest.mark.parametrize(("datasets", "shown"), [(5, False), (6, True)])
def test_ranks_are_drawn_for_six_data_sets_and_not_for_five(synthetic, tmp_path, datasets, shown):
    names, total = ["random", "entropy", "core-set"], {("total", "loss"): METRICS["total", "loss"]}
    blocks = [f"data-{number}" for number in range(datasets)]
    table = [row for name in blocks for row in synthetic.rows(names, 2, dataset=name, metrics=total)]
    folder = synthetic.write(tmp_path, [row for row in table if row[:3] != ("data-0", "entropy", 0)])
    study = read_study(folder)
    files = figures.critical_difference.render(study, Paper())
    assert bool(files) is shown
    if shown:
        areas = pd.DataFrame({name: areas_of(study, name) for name in blocks}).T
        expected = ranks_over(areas)
        found = pd.read_csv(io.BytesIO(files["csv"])).set_index("strategy")
        assert found["mean_rank"].to_dict() == pytest.approx(expected.mean.to_dict())
        assert found["critical_difference"].iloc[0] == pytest.approx(expected.critical)


def areas_of(study, dataset):
    """Mean areas over the seeds that all have: seed 0 is missing for one strategy of the first data set."""
    areas = evidence(study.results, dataset).naubc.pivot(index="seed", columns="strategy", values="naubc")
    return areas.loc[[1] if dataset == "data-0" else [0, 1]].mean()
