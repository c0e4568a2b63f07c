import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from benchmark.report.saving import (
    curves,
    first_reached,
    full_data,
    labels_to_match,
    labels_to_reach,
    monotone,
)

BUDGETS = np.array([10.0, 20.0, 40.0, 80.0])


def curve(*seeds):
    return pd.DataFrame(list(seeds), columns=[10, 20, 40, 80], dtype=float)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=9))
def test_monotone_is_the_isotonic_regression_of_scikit_learn(values):
    expected = IsotonicRegression(increasing=False).fit_transform(np.arange(len(values)), values)
    np.testing.assert_allclose(monotone(np.array(values)), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ([3, 1, -1, -2], 30),  # half way from 20 to 40
        ([3, 2, 1, 1], math.inf),
        ([-1, -1, -2, -3], 10),
        ([3, 2, 1, 0], 80),
        ([4, -2, 2, -4], 20),  # 20 and 40 are pooled to 0, which is enough
        ([4, -2, 3, -4], 40 + 40 * 0.5 / 4.5),  # pooled to 0.5: the dip at 20 is not believed
    ],
)
def test_where_a_curve_first_reaches_zero_by_hand(values, needed):
    assert first_reached(BUDGETS, np.array(values, float)) == pytest.approx(needed)


def test_a_curve_with_a_gap_reaches_nothing_that_is_known():
    assert math.isnan(first_reached(BUDGETS, np.array([4, math.nan, 2, -4])))


def test_seeds_are_paired_with_their_own_target():
    """Seeds differ by 5, and every one is above its own target until 30 labels."""
    own = curve([3, 1, -1, -2], [8, 6, 4, 3])
    found = labels_to_reach(own, pd.Series([0.0, 5.0]))
    assert (found.needed, found.low, found.high) == (30, 30, 30)


def test_only_seeds_that_both_have_count():
    own = curve([3, 1, -1, -2], [3, 1, -1, -2], [99, 99, 99, 99])
    assert labels_to_reach(own, pd.Series([0.0, 0.0], index=[0, 1])).seeds == 2
    nothing = labels_to_reach(own, pd.Series([0.0], index=[7]))
    assert nothing.seeds == 0
    assert math.isnan(nothing.needed)


def test_not_reached_is_an_answer_and_one_seed_has_no_interval():
    found = labels_to_reach(curve([3, 2, 1, 1]), pd.Series([0.0]))
    assert found.needed == math.inf
    assert math.isnan(found.low)
    within = labels_to_reach(curve([3, 2, 1, 0.5], [3, 2, 1, 0.9], [3, 2, 1, -0.9]), pd.Series([0.0] * 3))
    assert within.needed == math.inf  # the mean stays above, ...
    assert within.low < 80  # ... but may well be below
    assert within.high == math.inf


def test_a_first_budget_that_is_enough_bounds_from_above_only():
    found = labels_to_reach(curve([-1, -1, -1, -1], [-1.1, -1, -1, -1]), pd.Series([0.0, 0.0]))
    assert (found.needed, found.low, found.high) == (10, 0, 10)


def test_labels_to_match_another_strategy_at_each_of_its_budgets():
    """This one has at 20 what the other has at 80, and at 10 what the other has at 20."""
    slow, fast = curve([4, 3, 2.5, 1]), curve([3, 1, 0.5, 0.2])
    both = {"random": slow, "entropy": fast}
    found = labels_to_match(both, "entropy", "random")
    assert [found[size].needed for size in (10, 20, 80)] == [10, 10, 20]
    assert [labels_to_match(both, "random", "entropy")[size].needed for size in (10, 40)] == [20, math.inf]


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_the_interval_covers_the_truth_at_least_as_often_as_it_says(seeds, noise):
    rng = np.random.default_rng(seeds)
    budgets = np.array([10.0, 20, 30, 40, 50, 60])
    true = 1.3 - 0.45 * np.log10(budgets / 10)
    target = 1.3 - 0.45 * np.log10(4.5)
    truth, covered, studies = first_reached(budgets, true - target), 0, 250
    for _ in range(studies):
        of_seed = rng.normal(0, noise, (seeds, 1))
        own = pd.DataFrame(true + of_seed + rng.normal(0, noise, (seeds, 6)), columns=budgets)
        found = labels_to_reach(own, pd.Series(target + of_seed[:, 0] + rng.normal(0, noise, seeds)))
        covered += found.low <= truth <= found.high
    assert covered / studies > 0.93


def test_curves_come_from_results_without_seeds_that_have_gaps():
    rows = pd.DataFrame(
        [("random", 0, 10, 3.0), ("random", 0, 20, 2.0), ("random", 1, 10, 3.0), ("full-data", 0, 99, 1.0)],
        columns=["strategy", "seed", "labelled", "value"],
    )
    assert curves(rows)["random"].to_dict("list") == {10: [3.0], 20: [2.0]}
    assert full_data(rows).to_dict() == {0: 1.0}
