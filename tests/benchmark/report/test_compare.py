"""Two strategies in words: the numbers of the headline, one set of seeds, the defined speed-up."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.errors import UserError
from benchmark.report.compare import compare
from benchmark.report.results.load import read_results
from benchmark.report.statistics.dataset_statistics import evidence

RANDOM = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, 2.1]}
BETTER = {0: [4.0, 2.0, 1.0], 1: [4.2, 2.2, 1.3], 2: [4.1, 2.1, 1.0], 3: [4.0, 2.0, 1.1]}
MIDDLE = {0: [4.0, 2.7, 1.8], 1: [4.2, 2.6, 1.7], 2: [4.1, 2.8, 1.9], 3: [4.0, 2.6, 2.0]}
FULL = {seed: [1.5] for seed in range(4)}
ALL = {"random": RANDOM, "entropy": BETTER, "margin": MIDDLE, "full-data": FULL}


@pytest.fixture
def results(synthetic, tmp_path):
    def make(table):
        return read_results(synthetic.write(tmp_path / "results", synthetic.losses(table), pool=100))

    return make


def area(curve):
    return np.trapezoid(curve, [10, 20, 40]) / 30


def test_two_strategies_in_words(results):
    words = compare(results(ALL), "entropy", "random")
    assert "over 4 common seeds" in words
    assert "entropy is better (p = " in words
    assert "at 10 % (10): one network, which both share" in words
    assert "at 40 % (40): -0.975" in words
    assert "entropy is better" in compare(results(ALL), "random", "entropy")


@pytest.mark.parametrize("pair", [("margin", "random"), ("random", "margin")])
def test_against_the_reference_it_says_what_the_headline_says(results, pair):
    """Two comparisons with random, so the p value of the smaller one counts twice."""
    (one,) = (each for each in evidence(results(ALL), "rooms").against_random if each.strategy == "margin")
    differences = [area(MIDDLE[seed]) - area(RANDOM[seed]) for seed in range(4)]
    alone = [
        stats.ttest_1samp([area(of[seed]) - area(RANDOM[seed]) for seed in range(4)], 0).pvalue
        for of in (MIDDLE, BETTER)
    ]
    holm = max(alone[0], 2 * alone[1]) if alone[1] < alone[0] else 2 * alone[0]
    assert one.corrected == pytest.approx(holm)
    words = compare(results(ALL), *pair)
    assert f"(p = {one.corrected:.3g}, corrected; {alone[0]:.3g} alone)" in words
    assert f"a true difference of {one.detectable:.3f}" in words
    assert "Corrected by Holm's method for the 2 comparisons with random of the experiment" in words
    mean, half = np.mean(differences), stats.t.ppf(0.975, 3) * stats.sem(differences)
    sign = 1 if pair[0] == "margin" else -1
    low, high = sorted((sign * (mean - half), sign * (mean + half)))
    assert f": {sign * mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f} (" in words


def test_any_other_pair_is_exploratory_and_corrected_for_all_of_them(results):
    words = compare(results(ALL), "entropy", "margin")
    p = {
        (a, b): stats.ttest_rel([area(v) for v in ALL[a].values()], [area(v) for v in ALL[b].values()]).pvalue
        for a, b in (("entropy", "margin"), ("entropy", "random"), ("margin", "random"))
    }
    ordered = sorted(p, key=p.__getitem__)
    steps = np.maximum.accumulate([min(1, p[pair] * (3 - place)) for place, pair in enumerate(ordered)])
    own = steps[ordered.index(("entropy", "margin"))]
    assert f"(p = {own:.3g}, corrected; {p['entropy', 'margin']:.3g} alone)" in words
    assert "Exploratory: it is no comparison of the experiment's own" in words
    assert "for all 3 pairs of strategies" in words


def test_a_reference_that_saw_labels_is_described_and_not_tested(synthetic, results, tmp_path):
    results(ALL)
    synthetic.add_facts(tmp_path / "results", strategies={"entropy": {"reference": True}})
    words = compare(read_results(tmp_path / "results"), "entropy", "random")
    assert "entropy is told what no strategy may know" in words
    assert "p = " not in words


def test_speed_up_is_labels_to_match_divided_by_labels_used(results):
    """Margin has at 40 labels what entropy has by 20 + 20 times the way from 2.075 to 1.1."""
    words = compare(results(ALL), "margin", "entropy")
    margin = np.mean([values[2] for values in MIDDLE.values()])
    needed = 20 + 20 * (2.075 - margin) / (2.075 - 1.1)
    assert f"entropy needs {needed:.0f} labels for it: speed-up {needed / 40:.2f} (" in words
    back = compare(results(ALL), "entropy", "margin")
    assert "margin does not have it within 40 labels: speed-up over 1.00" in back
    factor, low, high = map(float, re.findall(r"speed-up ([\d.]+) \(([\d.]+) to ([\d.]+)\)", words)[-1])
    assert low <= factor <= high


def test_means_differences_and_speed_up_are_of_the_same_seeds_and_others_are_named(results):
    """Over its own seeds random has a mean of 1.5 less, and the difference is 0 all the same."""
    own = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, None]}
    random = {
        0: [4.0, 3.0, 2.0],
        1: [4.2, 3.1, 2.2],
        2: [4.1, 3.0, 2.0],
        3: [1.0, 0.9, 0.1],
        7: [0.5, 0.5, 0.1],
    }
    words = compare(results({"random": random, "entropy": own}), "entropy", "random")
    mean = np.mean([area(own[seed]) for seed in range(3)])
    assert f"a NAUBC of {mean:.3f} against {mean:.3f} for random: +0.000" in words
    assert "over 3 common seeds" in words
    assert "seed 3 (not whole: entropy); seed 7 (not whole: entropy)" in words
    assert len(re.findall(r"at .0 % \(.0\): \+0\.000", words)) == 2


def test_a_strategy_compared_with_its_twin_needs_the_same_labels(results):
    """Losses that rise and fall again: nothing says that one of two equal curves does not reach the other."""
    wild = {0: [1.889, 2.016, 1.905], 1: [1.9, 2.1, 1.93]}
    words = compare(results({"random": wild, "twin": wild}), "twin", "random")
    assert "does not have it" not in words
    assert re.findall(r"needs (\d+) labels", words) == ["10", "10"]  # the shared first set has less already


def test_no_room_is_said_before_anything_else(results):
    full = {seed: [2.9] for seed in range(4)}
    words = compare(results(ALL | {"full-data": full}), "entropy", "random")
    assert words.startswith("rooms: No room: after the first budget random has no higher losses")
    assert "A gap that is not above 0 has no shares." in words


def test_few_seeds_prove_nothing_in_words_either(results):
    few = compare(results({"random": {0: RANDOM[0]}, "entropy": {0: BETTER[0]}}), "entropy", "random")
    assert "prove nothing" in few
    none = compare(results({"random": {0: RANDOM[0]}, "entropy": {1: BETTER[1]}}), "entropy", "random")
    assert "no whole trajectory of the same seed" in none


@pytest.mark.parametrize(("pair", "word"), [(("a", "random"), "'a'"), (("random", "random"), "itself")])
def test_names_are_checked(results, pair, word):
    with pytest.raises(UserError, match=word):
        compare(results({"random": RANDOM}), *pair)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_words_are_the_same_however_pandas_keeps_text(results, storage):
    """With pyarrow, which parquet files need, pandas keeps text in another way than without it."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra `parquet`")
    expected = compare(results(ALL), "entropy", "random")
    with pd.option_context("mode.string_storage", storage):
        assert compare(results(ALL), "entropy", "random") == expected
