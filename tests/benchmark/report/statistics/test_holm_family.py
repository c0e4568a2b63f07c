"""Families of comparisons: what is corrected for, and that it is not chosen by what is there."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.holm_family import against_reference, all_pairs, holm
from benchmark.report.statistics.paired_tests import compare_all


def test_the_family_of_an_experiment_is_every_strategy_against_the_reference():
    family = against_reference({"random", "b", "a"}, "random")
    assert family.pairs == (("a", "random"), ("b", "random"))
    assert (family.level, family.words) == (0.025, "2 comparisons with random of the experiment")
    assert against_reference({"a", "b"}, "random").size == 0


def test_any_other_pair_belongs_to_all_pairs():
    family = all_pairs(["c", "random", "a"])
    assert family.pairs == (("a", "c"), ("a", "random"), ("c", "random"))
    assert (family.reference, family.words) == (None, "3 pairs of strategies")


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=7), st.integers(0, 5))
def test_holm_for_a_larger_family_is_holm_beside_that_many_of_one(p, more):
    """A comparison that could not be tested counts as one that shows nothing."""
    found = holm(p, len(p) + more)
    ones = [1.0 if math.isnan(value) else value for value in p] + [1.0] * more
    expected = [math.nan if math.isnan(value) else one for value, one in zip(p, holm(ones), strict=False)]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seeds", [5, 10])
def test_with_any_pair_open_to_choice_one_study_in_twenty_shows_something_that_is_not_there(seeds):
    """Ten strategies that do the same: the smallest corrected p of all pairs is below 5 % in 5 % at most."""
    rng = np.random.default_rng(seeds)
    first, second = np.triu_indices(10, 1)
    wrong, studies = 0, 800
    for _ in range(studies):
        values = rng.normal(size=(10, seeds))
        p = stats.ttest_1samp(values[first] - values[second], 0, axis=1).pvalue
        wrong += min(holm(p.tolist(), len(p))) < 0.05
    assert wrong / studies <= 0.065


def test_all_pairs_are_the_paired_tests_of_scipy():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=6) for name in "abcd"}
    table = pd.DataFrame(
        [("rooms", name, seed, value) for name, of in values.items() for seed, value in enumerate(of)],
        columns=["dataset", "strategy", "seed", "value"],
    )
    found = compare_all(table, all_pairs(values))
    assert len(found) == 6
    for one in found:
        p = stats.ttest_rel(values[one.strategy], values[one.against]).pvalue
        assert one.p == pytest.approx(p)
        assert one.p <= one.corrected <= min(1, 6 * one.p)
        back = one.turned()
        assert (back.strategy, back.mean, back.low, back.high) == (
            one.against,
            -one.mean,
            -one.high,
            -one.low,
        )
        assert back.turned() == one
