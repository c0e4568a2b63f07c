"""Penalty matrix, ranks over data sets, delta MTL, overlap and costs: against examples worked by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.records.round_store import Round
from benchmark.report.selections.overlap import chosen_images, jaccard, overlap, overlap_by_chance
from benchmark.report.statistics.delta_mtl import delta_mtl
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.over_datasets.rank_tests import critical_difference, ranks_over
from benchmark.report.statistics.paired_tests import paired_differences
from benchmark.report.statistics.penalty_matrix import MEAN, penalty_matrix
from benchmark.report.tables.costs import costs, mean_costs


def losses(**of_strategies):
    """``name={budget: [value of seed 0, ...]}``."""
    rows = [
        ("rooms", name, seed, size, value)
        for name, of_budgets in of_strategies.items()
        for size, of_seeds in of_budgets.items()
        for seed, value in enumerate(of_seeds)
    ]
    return pd.DataFrame(rows, columns=["dataset", "strategy", "seed", "labelled", "value"])


def test_a_strategy_beats_another_where_the_interval_of_their_differences_is_below_zero():
    matrix = penalty_matrix(
        losses(
            a={10: [1.0, 2.0, 3.0], 20: [1.0, 2.0, 3.0]},
            b={10: [1.5, 2.6, 3.4], 20: [0.0, 3.0, 3.0]},  # clearly worse, then no one knows
            c={10: [0.9, 1.9, 2.9], 20: [0.9, 1.9, 2.9]},
        )
    )
    assert matrix.loc["a", "b"] == 0.5
    assert matrix.loc["b", "a"] == 0
    assert matrix.loc["c", "a"] == 1
    assert matrix.loc[MEAN, "b"] == pytest.approx((0.5 + matrix.loc["c", "b"]) / 2)
    assert (np.diag(matrix.loc[["a", "b", "c"]]) == 0).all()


def test_one_seed_beats_nobody():
    assert not penalty_matrix(losses(a={10: [1.0]}, b={10: [2.0]})).to_numpy().any()


def test_the_matrix_is_that_of_paired_differences_one_by_one_where_seeds_are_missing():
    rng = np.random.default_rng(3)
    names, budgets = ["a", "b", "c", "mean"], (10, 20, 30)
    table = losses(
        **{
            name: {size: rng.normal(0.3 * place, 0.4, 4) for size in budgets}
            for place, name in enumerate(names)
        }
    )
    table = table.sample(frac=0.8, random_state=1)
    table.loc[table.index[0], "value"] = math.nan
    matrix = penalty_matrix(table)
    for one in names:
        for other in set(names) - {one}:
            cells = [paired_differences(table[table["labelled"] == size], one, other) for size in budgets]
            beaten = [len(cell) > 1 and t_interval(cell)[2] < 0 for cell in cells]
            assert matrix.loc[one, other] == pytest.approx(np.mean(beaten))
    assert 0 < matrix.loc[names].to_numpy().max() <= 1


def test_ranks_share_ties_and_leave_out_data_sets_with_gaps():
    table = pd.DataFrame({"a": [1.0, 2.0, 9.0], "b": [1.0, 3.0, math.nan], "c": [5.0, 1.0, 1.0]})
    found = ranks_over(table)
    assert found.mean.to_dict() == {"a": 1.75, "b": 2.25, "c": 2.0}
    assert found.blocks == 2
    assert math.isnan(found.critical)
    assert found.cliques == ()


def test_the_critical_difference_is_that_of_the_table_in_the_paper():
    """Demsar 2006, table 5: q is 2.569 for four classifiers; 14 data sets give 1.25 (section 3.2.4)."""
    assert critical_difference(4, 14) == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_cliques_join_neighbours_that_do_not_differ():
    rng = np.random.default_rng(0)
    values = rng.normal([0, 0, 5, 5], 0.1, (12, 4))
    found = ranks_over(pd.DataFrame(values, columns=list("abcd")))
    assert {frozenset(clique) for clique in found.cliques} == {frozenset("ab"), frozenset("cd")}
    assert found.p == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)


def test_delta_mtl_by_hand():
    """mIoU 30 of 40 is -25 %, rmse 0.5 of 0.4 is -25 %, an angle of 9 of 10 is +10 %."""
    full = [("semseg", "miou", 40.0), ("depth", "rmse", 0.4), ("normals", "mean_angle", 10.0)]
    mine = [("semseg", "miou", 30.0), ("depth", "rmse", 0.5), ("normals", "mean_angle", 9.0)]
    rows = pd.DataFrame(
        [("rooms", name, 3, size, size / 100, task, metric, value)
         for name, size, table in (("full-data", 100, full), ("random", 10, mine))
         for task, metric, value in table],
        columns=["dataset", "strategy", "seed", "labelled", "share", "task", "metric", "value"],
    )  # fmt: skip
    headlines = {"semseg": "miou", "depth": "rmse", "normals": "mean_angle"}
    found = delta_mtl(rows, headlines).set_index("task")["value"]
    assert found.to_dict() == pytest.approx(
        {"semseg": -25, "depth": -25, "normals": 10, "mean": -40 / 3}, abs=1e-9
    )
    gone = rows.assign(value=rows["value"].where((rows["task"] != "depth") | (rows["labelled"] == 100)))
    assert math.isnan(delta_mtl(gone, headlines).set_index("task")["value"]["mean"])
    with pytest.raises(ValueError, match="'own'"):
        delta_mtl(rows, {"semseg": "own"})
    nothing = rows.assign(
        value=rows["value"].where((rows["task"] != "semseg") | (rows["labelled"] != 100), 0)
    )
    found = delta_mtl(nothing, headlines).set_index("task")["value"]
    assert found.isna().to_dict() == {"semseg": True, "depth": False, "normals": False, "mean": True}


def round_of(strategy, seed, number, labelled, **more):
    return Round("rooms", strategy, seed, number, "key", tuple(labelled), {}, "", **more)


def test_overlap_leaves_the_shared_first_set_out_and_pairs_seeds():
    rounds = [
        round_of(name, seed, number, labelled)
        for seed in (0, 1)
        for name, chosen in (("random", "xy"), ("entropy", "yz"))
        for number, labelled in enumerate((["a", "b"], ["a", "b", *(c + str(seed) for c in chosen)]))
    ]
    table = overlap(chosen_images([*rounds, round_of("full-data", 0, 0, "abcdefgh")]), 4)
    assert list(table) == ["entropy", "random"]
    assert table.loc["random", "entropy"] == table.loc["entropy", "random"] == pytest.approx(1 / 3)
    assert table.loc["random", "random"] == 0  # seed 0 chose other images than seed 1


def test_overlap_by_chance_is_that_of_random_choices():
    rng = np.random.default_rng(0)
    choices = [frozenset(rng.choice(300, 90, replace=False).tolist()) for _ in range(200)]
    found = np.mean([jaccard(one, other) for one, other in zip(choices[::2], choices[1::2], strict=True)])
    assert overlap_by_chance(90, 300) == pytest.approx(found, abs=0.01)
    assert overlap_by_chance(300, 300) == 1


def test_jaccard_of_nothing_is_the_same():
    assert jaccard(frozenset(), frozenset()) == 1
    assert jaccard(frozenset("ab"), frozenset("bc")) == pytest.approx(1 / 3)


def test_costs_are_means_over_rounds_and_the_largest_memory():
    rounds = [
        round_of(
            "entropy", 0, 0, "ab", seconds={"train": 4.0, "observe": 2.0, "select": 1.0}, peak_memory_mb=10
        ),
        round_of("entropy", 0, 1, "abc", seconds={"train": 6.0}, peak_memory_mb=30),
    ]
    found = mean_costs(costs(rounds)).iloc[0]
    assert (found["train"], found["observe"], found["select"], found["peak_memory_mb"]) == (5, 2, 1, 30)
    assert math.isnan(found["evaluate"])
