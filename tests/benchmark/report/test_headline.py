"""The headline table and the comparison in words: the numbers of the statistics, where they belong."""

import csv
import io
import math

import numpy as np
import pytest
from scipy import stats

from benchmark.errors import UserError
from benchmark.report.compare import compare
from benchmark.report.headline import evidence, make_headline, render
from benchmark.report.load import read_results


def losses(table):
    """Rows of total loss from ``{strategy: {seed: [loss at 10, 20, 40 labels]}}``; full-data at 100."""
    budgets = {"full-data": [100]}
    return [
        ("rooms", name, seed, number, budgets.get(name, [10, 20, 40])[number], "total", "loss", value)
        for name, seeds in table.items()
        for seed, values in seeds.items()
        for number, value in enumerate(values)
        if value is not None
    ]


@pytest.fixture
def results(synthetic, tmp_path):
    def make(table):
        return read_results(synthetic.write(tmp_path / "results", losses(table), pool=100))

    return make


RANDOM = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, 2.1]}
BETTER = {0: [4.0, 2.0, 1.0], 1: [4.2, 2.2, 1.3], 2: [4.1, 2.1, 1.0], 3: [4.0, 2.0, 1.1]}
FULL = {seed: [1.5] for seed in range(4)}


def cells(table, name):
    return dict(zip(table.heads, dict(table.rows)[name], strict=True))


def test_the_numbers_by_hand(results):
    """A trajectory 4, 3, 2 at 10, 20, 40 has an area of (35 + 50) / 30."""
    table = make_headline(
        evidence(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}), "rooms")
    )
    assert [name for name, _ in table.rows] == ["entropy", "random"]
    areas = [np.trapezoid(v, [10, 20, 40]) / 30 for v in RANDOM.values()]
    mine = [np.trapezoid(v, [10, 20, 40]) / 30 for v in BETTER.values()]
    found = cells(table, "entropy")
    assert float(found["NAUBC"].mean) == pytest.approx(np.mean(mine), abs=6e-4)
    assert found["NAUBC"].mark == "best"
    assert float(found["minus random"].mean) == pytest.approx(np.mean(np.subtract(mine, areas)), abs=6e-4)
    assert found["p (Holm)"].mean == "< 0.001" or float(found["p (Holm)"].mean) == pytest.approx(
        stats.ttest_rel(mine, areas).pvalue, abs=6e-4
    )
    assert cells(table, "random")["labels for full-data loss"].mean == "> 40 %"
    # From 2.075 at 20 to 1.1 at 40, the full-data loss of 1.5 lies at 20 + 20 * .575 / .975.
    assert found["labels for full-data loss"].mean == f"{20 + 20 * 0.575 / 0.975:.3g} %"
    assert found["labels for random's loss"].mean == "20 %"


def test_two_seeds_are_not_tested_and_the_table_says_so(results):
    two = {seed: RANDOM[seed] for seed in (0, 1)}
    table = make_headline(
        evidence(results({"random": two, "entropy": {s: BETTER[s] for s in (0, 1)}}), "rooms")
    )
    assert cells(table, "entropy")["p (Holm)"].mean == "\N{EN DASH}"
    assert table.notes[0].startswith("2 seeds are descriptive")


def test_without_random_or_full_data_the_rest_is_there(results):
    table = make_headline(evidence(results({"entropy": BETTER}), "rooms"))
    assert cells(table, "entropy")["minus random"].mean == ""
    assert cells(table, "entropy")["labels for full-data loss"].mean == "\N{EN DASH}"


def test_a_trajectory_that_ended_early_is_counted_and_its_mean_never_marked(results):
    short = BETTER | {3: [4.0, 2.0, None]}
    table = make_headline(
        evidence(results({"random": RANDOM, "entropy": short, "core-set": RANDOM}), "rooms")
    )
    assert cells(table, "entropy")["NAUBC"].seeds == " [n = 3]"
    assert cells(table, "entropy")["NAUBC"].mark is None
    assert cells(table, "random")["NAUBC"].mark == "best"


def test_files_hold_the_numbers_unrounded(results):
    files = render(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}))
    rows = {
        row["strategy"]: row for row in csv.DictReader(io.StringIO(files["tables/headline.csv"].decode()))
    }
    found = float(rows["entropy"]["labels_for_full_data_needed"])
    assert found == pytest.approx((20 + 20 * 0.575 / 0.975) / 100)
    assert math.isinf(float(rows["random"]["labels_for_full_data_needed"]))
    assert files["tables/naubc.csv"].count(b"\n") == 9
    assert "NAUBC" in files["tables/headline.md"].decode()
    assert files == render(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}))


def test_a_run_of_which_only_full_data_is_done_has_no_headline_yet(results):
    files = render(results({"full-data": FULL}))
    assert "NAUBC" not in files["tables/headline.md"].decode()
    assert len(files["tables/naubc.csv"].splitlines()) == 1


def test_two_strategies_in_words(results):
    words = compare(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}), "entropy", "random")
    assert "over 4 common seeds" in words
    assert "entropy is better (p = " in words
    assert "at 40 % (40): -0.975" in words
    assert "what random has there takes 20 labels (speed-up factor 2.00)" in words
    back = compare(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}), "random", "entropy")
    assert "entropy is better" in back
    assert "what entropy has there is not reached within 40 labels" in back


def test_few_seeds_prove_nothing_in_words_either(results):
    few = compare(results({"random": {0: RANDOM[0]}, "entropy": {0: BETTER[0]}}), "entropy", "random")
    assert "prove nothing" in few
    none = compare(results({"random": {0: RANDOM[0]}, "entropy": {1: BETTER[1]}}), "entropy", "random")
    assert "no whole trajectory of the same seed" in none


@pytest.mark.parametrize(("pair", "word"), [(("a", "random"), "'a'"), (("random", "random"), "itself")])
def test_names_are_checked(results, pair, word):
    with pytest.raises(UserError, match=word):
        compare(results({"random": RANDOM}), *pair)
