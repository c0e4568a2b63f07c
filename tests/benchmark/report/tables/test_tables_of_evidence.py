"""Tables of penalties, overlaps, costs, delta MTL and ranks: the statistics' numbers in every format."""

import io
import math
import re
from dataclasses import replace

import pandas as pd
import pytest

from benchmark.records.round_store import Store
from benchmark.report.dataset_results import subjects
from benchmark.report.formats.latex import escape
from benchmark.report.results.load import total_loss
from benchmark.report.results.study import read_study
from benchmark.report.selections.overlap import chosen_images, overlap
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.delta_mtl import delta_mtl
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.over_datasets.rank_tests import ranks_over
from benchmark.report.statistics.penalty_matrix import MEAN, penalty_matrix
from benchmark.report.tables import cost_table, delta_mtl_table, matrix_tables, mean_ranks_table
from benchmark.report.tables.costs import costs, mean_costs

HOSTILE = r"_%$|<script>\input{x}"
NAMES = ("random", HOSTILE, "core-set", "true-loss")
METRICS = {
    ("total", "loss"): (1.3, -0.45, 0.025),
    ("semseg", "miou"): (31.0, 14.0, 0.9),
    ("depth", "rmse"): (0.9, -0.25, 0.015),
    ("normals", "mean_angle"): (27.0, -5.0, 0.3),
}


def folder_of(synthetic, path, names=NAMES, seeds=4, datasets=("rooms",), without=()):
    table = [row for name in datasets for row in synthetic.rows(names, seeds, dataset=name, metrics=METRICS)]
    table = [row for row in table if row[1:3] not in without and row[1] not in without]
    folder = synthetic.add_rounds(synthetic.write(path, table), table)
    about = {name: {"reference": name == "true-loss"} for name in names}
    return synthetic.add_facts(folder, tasks=synthetic.tasks, strategies=about)


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    return folder_of(synthetic, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(folder):
    return read_study(folder)


def csv(files, name):
    return pd.read_csv(io.BytesIO(files[f"tables/{name}.csv"]))


def markdown_rows(files, name):
    """The cells of a table's rows by the name in front."""
    lines = files[f"tables/{name}.md"].decode().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {first: cells for first, *cells in rows}


@pytest.mark.parametrize("part", [matrix_tables, cost_table, delta_mtl_table, mean_ranks_table])
def test_every_table_comes_in_three_formats_with_hostile_names_as_text(part, synthetic, tmp_path):
    datasets = [f"d{number}" for number in range(6)] if part is mean_ranks_table else ["rooms"]
    files = part.render(read_study(folder_of(synthetic, tmp_path, seeds=2, datasets=datasets)))
    names = {name.partition(".")[0] for name in files}
    assert set(files) == {f"{name}.{kind}" for name in names for kind in ("csv", "md", "tex")}
    for name in names:
        tex, markdown = files[f"{name}.tex"].decode(), files[f"{name}.md"].decode()
        assert escape(HOSTILE) in tex
        assert r"\input" not in tex
        rows = [line for line in tex.splitlines() if line.endswith(r"\\")]
        assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
        assert "<script" not in markdown
        assert len({line.count("|") for line in markdown.splitlines() if line.startswith("| ")}) == 1


def test_penalties_leave_references_out_and_have_their_means_last(study):
    files = matrix_tables.render(study)
    losses = total_loss(study.results.table)
    shown = losses[losses["strategy"].isin(NAMES[:3]) & (losses["labelled"] > 40)]
    expected = penalty_matrix(shown)
    table = csv(files, "penalty")
    beats = {(r.strategy, r.against): r.beats for r in table.itertuples()}
    assert beats == pytest.approx(expected.stack().to_dict())
    rows = markdown_rows(files, "penalty")
    order = [name for name in table["strategy"].unique() if name != MEAN]
    assert rows["mean"] == [f"{expected.loc[MEAN, name]:.2f}" for name in order]
    assert rows[f"(1) {order[0]}"] == [f"{expected.loc[order[0], name]:.2f}" for name in order]
    assert "true-loss" not in files["tables/penalty.md"].decode()
    assert "3 budgets after the first" in files["tables/penalty.md"].decode()


def test_overlaps_are_of_all_and_name_who_saw_labels(study, folder):
    files = matrix_tables.render(study)
    expected = overlap(chosen_images(Store(folder).rounds()), 160)
    found = {(r.strategy, r.against): r.jaccard for r in csv(files, "overlap").itertuples()}
    assert found == pytest.approx(expected.stack().to_dict())
    assert "true-loss is told what no strategy may know." in files["tables/overlap.md"].decode()


def test_an_overlap_that_does_not_exist_is_a_dash(synthetic, tmp_path):
    apart = [("random", 0), ("random", 1), (HOSTILE, 2), (HOSTILE, 3)]
    files = matrix_tables.render(read_study(folder_of(synthetic, tmp_path, NAMES[:2], without=apart)))
    found = csv(files, "overlap").set_index(["strategy", "against"])["jaccard"]
    assert math.isnan(found["random", HOSTILE])
    assert found["random", "random"] > 0
    assert "\N{EN DASH}" in files["tables/overlap.md"].decode()


def test_costs_are_processor_time_where_every_round_knows_it(study, synthetic, total_only, tmp_path):
    """What passes on a machine with other work is as much that work's as the strategy's."""
    table = synthetic.rows(("random",), 2, metrics=total_only)
    folder = synthetic.add_rounds(synthetic.write(tmp_path / "run", table), table)
    (old,) = subjects(read_study(folder))
    assert "elapsed time, other work of the machine included" in cost_table.caption(old)
    for done in Store(folder).rounds():
        spent = {f"{stage}_processor": 10.0 for stage in done.seconds}
        Store(folder).write(replace(done, seconds={**done.seconds, **spent}))
    (new,) = subjects(read_study(folder))
    assert "on cpu: processor time, mean over rounds" in cost_table.caption(new)
    assert cost_table.costs_of(new)["train"].unique().tolist() == [10.0]
    synthetic.add_facts(folder, device="a GPU")
    (of_gpu,) = subjects(read_study(folder))
    assert "on a GPU: elapsed time, mean" in cost_table.caption(of_gpu)
    assert cost_table.costs_of(of_gpu)["train"].min() > 40


def test_costs_are_means_with_full_data_below(study, folder):
    files = cost_table.render(study)
    expected = mean_costs(costs(Store(folder).rounds())).set_index("strategy")
    found = csv(files, "cost").set_index("strategy")
    pd.testing.assert_frame_equal(found.sort_index(), expected, check_dtype=False)
    rows = markdown_rows(files, "cost")
    assert list(rows)[-2:] == ["true-loss", "full-data"]
    assert rows["full-data"] == ["81.5", "2", "\N{EN DASH}", "\N{EN DASH}", "1003"]
    assert rows["random"][2:4] == ["3", f"{0.001 * 6:.3g}"]


def test_delta_mtl_is_that_of_seeds_and_marks_the_best_of_complete_ones(synthetic, tmp_path, study):
    files = delta_mtl_table.render(study)
    headlines = {task: about["headline"] for task, about in synthetic.tasks.items()}
    expected = delta_mtl(study.results.table, headlines)
    for row in csv(files, "delta_mtl").itertuples():
        cell = expected.query("strategy == @row.strategy and labelled == @row.labelled and task == @row.task")
        assert (row.mean, row.low, row.high) == pytest.approx(t_interval(cell["value"]))
        assert row.seeds == 4
    rows = markdown_rows(files, "delta_mtl")
    assert list(rows)[-1] == "true-loss"
    bold = {cell for cells in rows.values() for cell in cells if cell.startswith("**")}
    assert bold == {cell for cell in rows["core-set"] if cell.startswith("**")}, "the best, where it is told"
    assert len(bold) == 2
    assert "RMSE of depth" in files["tables/delta_mtl.md"].decode()
    short = delta_mtl_table.render(read_study(folder_of(synthetic, tmp_path, without=[("core-set", 1)])))
    assert markdown_rows(short, "delta_mtl")["core-set"][-1].endswith(r"\[n = 3\]")
    assert not markdown_rows(short, "delta_mtl")["core-set"][-1].startswith("**")


def test_ranks_need_six_data_sets(synthetic, tmp_path):
    datasets = [f"d{number}" for number in range(6)]
    study = read_study(folder_of(synthetic, tmp_path, seeds=2, datasets=datasets))
    areas = pd.concat([evidence(study.results, name).naubc for name in datasets])
    areas = areas[areas["strategy"] != "true-loss"]
    expected = ranks_over(areas.pivot_table(index="dataset", columns="strategy", values="naubc"))
    found = csv(mean_ranks_table.render(study), "mean_ranks").set_index("strategy")
    assert found["mean_rank"].to_dict() == pytest.approx(expected.mean.to_dict())
    assert found["p"].iloc[0] == pytest.approx(expected.p)
    together = {
        frozenset(found.index[[str(group) in str(groups).split() for groups in found["groups"]]])
        for group in range(1, len(expected.cliques) + 1)
    }
    assert together == {frozenset(clique) for clique in expected.cliques}
    five = folder_of(synthetic, tmp_path / "five", seeds=1, datasets=datasets[:5])
    assert mean_ranks_table.render(read_study(five)) == {}


def test_tables_without_numbers_are_not_written(synthetic, tmp_path):
    total = {("total", "loss"): METRICS["total", "loss"]}
    one = read_study(synthetic.write(tmp_path, synthetic.rows(["random"], 1, metrics=total)))
    for part in (matrix_tables, cost_table, delta_mtl_table, mean_ranks_table):
        assert part.render(one) == {}


def test_what_a_study_knows_of_a_data_set_is_computed_once(study):
    assert subjects(study)[0] is subjects(study)[0]
