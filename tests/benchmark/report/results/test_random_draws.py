"""Random as one strategy: the mean of its draws within a seed, in every difference and table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report import write_report
from benchmark.report.compare import compare
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.load import FULL_DATA, read_results, total_loss
from benchmark.report.results.random_draws import draws_of, incomplete_draws, reference, with_one_reference
from benchmark.report.results.study import read_study
from benchmark.report.selections.overlap import chosen_images, overlap
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.naubc import naubc

DRAWS = ("random", "random[draw=2]", "random[draw=3]")


@pytest.fixture
def three_draws(synthetic, total_only, tmp_path):
    """Results with three draws of random and one other strategy."""
    return with_draws(synthetic, total_only, tmp_path)


def with_draws(synthetic, total_only, folder):
    table = synthetic.rows((*DRAWS, "entropy"), seeds=5, metrics=total_only)
    first = {row[2]: row[7] for row in table if row[1] == "random" and row[3] == 0}
    table = [(*row[:7], first[row[2]]) if row[3] == 0 and row[1] != FULL_DATA else row for row in table]
    return synthetic.write(folder, table)


def losses(table, strategy, seed):
    found = [(row[4], row[7]) for row in table if row[1] == strategy and row[2] == seed]
    return [value for _, value in sorted(found)]


def rows_of(folder):
    return list(pd.read_csv(folder / "results.csv").itertuples(index=False, name=None))


def test_every_value_is_the_mean_over_the_draws_of_its_seed_and_budget(three_draws):
    table = rows_of(three_draws)
    found = reference(read_results(three_draws).table)
    for seed in range(5):
        expected = np.mean([losses(table, name, seed) for name in DRAWS], axis=0)
        values = found[found["seed"] == seed].sort_values("labelled")["value"]
        assert values.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    assert not found.duplicated(["dataset", "seed", "labelled", "task", "metric"]).any()


def test_differences_to_random_are_to_the_mean_of_its_draws(three_draws):
    table = rows_of(three_draws)
    (one,) = evidence(read_results(three_draws), "rooms").against_random
    budgets = [40, 80, 120, 160]
    expected = [
        naubc(budgets, losses(table, "entropy", seed))
        - np.mean([naubc(budgets, losses(table, name, seed)) for name in DRAWS])
        for seed in range(5)
    ]
    assert (one.strategy, one.seeds) == ("entropy", 5)
    assert one.mean == pytest.approx(np.mean(expected), rel=1e-9)
    assert f"{np.mean(expected):+.3f}" in compare(read_results(three_draws), "entropy", "random")


def test_more_draws_make_the_differences_spread_less(synthetic, total_only, tmp_path):
    """Of independent draws without a common part, the variance of the mean is a third."""
    loud = {("total", "loss"): (1.0, 0.0, 0.2)}
    table = synthetic.rows((*DRAWS, "entropy"), seeds=40, metrics=loud)
    alone = [row for row in table if row[1] not in DRAWS[1:]]
    spreads = []
    for number, part in enumerate((alone, table)):
        (one,) = evidence(read_results(synthetic.write(tmp_path / str(number), part)), "rooms").against_random
        spreads.append(one.high - one.low)
    assert spreads[1] < 0.9 * spreads[0]  # sqrt((1 + 1/3) / 2) is .82


def test_the_shared_first_budget_stays_equal_bit_for_bit(three_draws):
    rows = total_loss(read_results(three_draws).of("rooms"))
    first = rows[rows["labelled"] == 40].pivot_table(index="seed", columns="strategy", values="value")
    assert (first["random"] == first["entropy"]).all()


def test_results_of_one_draw_are_as_they_were(synthetic, total_only, tmp_path):
    results = read_results(synthetic.write(tmp_path, synthetic.rows(metrics=total_only)))
    pd.testing.assert_frame_equal(results.compared, results.table)
    assert results.draws == 1
    assert results.label("random") == "random"
    assert list(incomplete_draws(results.table)) == []


def test_a_seed_that_lacks_draws_uses_those_that_are_there_and_it_is_said(three_draws):
    results = read_results(three_draws)
    table = results.table
    late = (table["strategy"] == DRAWS[2]) & (table["seed"] == 3) & (table["labelled"] >= 120)
    results = replace(results, table=table[~late].reset_index(drop=True))
    there = table[(table["seed"] == 3) & (table["labelled"] == 120) & table["strategy"].isin(DRAWS[:2])]
    found = reference(results.table)
    found = found[(found["seed"] == 3) & (found["labelled"] == 120)]
    assert found["value"].item() == pytest.approx(there["value"].mean())
    (said,) = incomplete_draws(results.table)
    assert "mean of 3 draws" in said
    assert "seed 3 (2 at 120 labels, 2 at 160 labels)" in said


def test_a_draw_without_a_value_is_left_out_and_no_value_at_all_is_missing():
    def row(strategy, labelled, value):
        return ("d", strategy, 0, 0, labelled, "total", "loss", value, labelled / 10)

    columns = ["dataset", "strategy", "seed", "round", "labelled", "task", "metric", "value", "share"]
    nan = math.nan
    rows = pd.DataFrame(
        [row("random", 2, 1.0), row(DRAWS[1], 2, nan), row("random", 4, nan), row(DRAWS[1], 4, nan)],
        columns=columns,
    )
    values = reference(rows).set_index("labelled")["value"]
    assert values[2] == 1.0
    assert math.isnan(values[4])
    assert draws_of(rows).to_numpy().tolist() == [[0, 2, 1]]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.randoms())
def test_the_mean_lies_within_its_draws_whatever_their_order(values, order):
    names = ["random", *(f"random[draw={number}]" for number in range(2, len(values) + 1))]
    rows = [("d", n, 0, 0, 2, "t", "loss", v, 0.2) for n, v in zip(names, values, strict=True)]
    order.shuffle(rows)
    columns = ["dataset", "strategy", "seed", "round", "labelled", "task", "metric", "value", "share"]
    one = with_one_reference(pd.DataFrame(rows, columns=columns))
    assert len(one) == 1
    assert one["value"].item() == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    assert min(values) <= one["value"].item() <= max(values) or max(values) == min(values)


def test_a_part_of_the_strategies_takes_random_with_all_its_draws(three_draws):
    study = read_study(three_draws).only(["random"])
    assert set(study.results.table["strategy"]) == {*DRAWS, FULL_DATA}
    assert study.results.strategies == ["random"]
    assert DatasetResults(study, "rooms").results.left_out == {"entropy"}


@pytest.fixture(scope="module")
def written(synthetic, total_only, tmp_path_factory):
    """The report of those results, with stored rounds."""
    folder = with_draws(synthetic, total_only, tmp_path_factory.mktemp("draws"))
    table = [(*row[:6], row[6], row[7]) for row in rows_of(folder)]
    folder = synthetic.add_rounds(folder, table)
    strategies = ["random", "entropy"]
    write_report(synthetic.add_experiment(folder, strategies=strategies, seeds=[*range(5)], references=3))
    return folder


def test_random_is_one_row_and_one_curve_that_names_its_draws(written):
    for name in ("loss_vs_labels.md", "headline.md", "cost.md"):
        text = (written / "tables" / name).read_text().replace("\\", "")
        assert text.count("| random (mean of 3 draws) |") == 1, name
        assert "draw=2" not in text, name
    curve = pd.read_csv(written / "figures" / "total_loss.csv")
    assert set(curve["strategy"]) == {"random", "entropy", FULL_DATA}
    assert "random (mean of 3 draws)" in (written / "figures" / "total_loss.svg").read_text()
    page = (written / "index.html").read_text()
    assert "random (mean of 3 draws)" in page
    assert "random[draw=2]" in (written / "results.csv").read_text(), "every trajectory stays in the results"


def test_the_protocol_misses_no_draw_that_is_there(written):
    text = (written / "tables" / "protocol.md").read_text().replace("\\", "")
    assert "failed or not run: nothing" in text


def test_costs_and_overlap_are_over_all_draws(written):
    rounds = read_study(written).rounds_of("rooms")
    cost = pd.read_csv(written / "tables" / "cost.csv").set_index("strategy")
    trained = [done.seconds["train"] for done in rounds if done.strategy in DRAWS]
    assert cost["train"]["random"] == pytest.approx(np.mean(trained))
    assert set(cost.index) == {"random", "entropy", FULL_DATA}
    sets = chosen_images(rounds)
    pairs = [(sets[name, seed, 160], sets["entropy", seed, 160]) for name in DRAWS for seed in range(5)]
    found = overlap(sets, 160)
    expected = np.mean([len(a & b) / len(a | b) for a, b in pairs])
    assert found.loc["random", "entropy"] == pytest.approx(expected)
    assert found.loc["entropy", "random"] == pytest.approx(expected)
