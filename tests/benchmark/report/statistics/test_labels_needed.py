import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from benchmark.report.statistics.labels_needed import (
    curves,
    first_reached,
    full_data,
    labels_to_reach,
    monotone,
)

BUDGETS = np.array([10.0, 20.0, 40.0, 80.0])


def curve(*seeds):
    return pd.DataFrame(list(seeds), columns=[10, 20, 40, 80], dtype=float)


def reach(own, target):
    """Where the first budget is this curve's own."""
    return labels_to_reach(own, target, own[10])


def study(**strategies):
    """The curves of a study from losses at 10, 20, 40 and 80 labels, one list per seed."""
    rows = [
        (name, seed, size, value)
        for name, seeds in strategies.items()
        for seed, values in enumerate(seeds)
        for size, value in zip((10, 20, 40, 80), values, strict=True)
    ]
    return curves(pd.DataFrame(rows, columns=["strategy", "seed", "labelled", "value"]))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=9))
def test_after_the_first_monotone_is_the_isotonic_regression_of_scikit_learn(values):
    expected = values[:1]
    if later := values[1:]:
        fit = IsotonicRegression(increasing=False).fit_transform(np.arange(len(later)), later)
        expected = [*expected, *fit]
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
        ([-1, 5, 5, 5], 10),  # the first is no strategy's own: what it does later takes nothing from it
        ([1, 5, 5, -1], 40 + 40 * 5 / 6),
    ],
)
def test_where_a_curve_first_reaches_zero_by_hand(values, needed):
    assert first_reached(BUDGETS, np.array(values, float)) == pytest.approx(needed)


def test_a_curve_with_a_gap_reaches_nothing_that_is_known():
    assert math.isnan(first_reached(BUDGETS, np.array([4, math.nan, 2, -4])))


def test_seeds_are_paired_with_their_own_target():
    """Seeds differ by 5, and every one is above its own target until 30 labels."""
    own = curve([3, 1, -1, -2], [8, 6, 4, 3])
    found = reach(own, pd.Series([0.0, 5.0]))
    assert (found.needed, found.low, found.high) == (30, 30, 30)


def test_only_seeds_that_both_have_count():
    own = curve([3, 1, -1, -2], [3, 1, -1, -2], [99, 99, 99, 99])
    assert reach(own, pd.Series([0.0, 0.0], index=[0, 1])).seeds == 2
    nothing = reach(own, pd.Series([0.0], index=[7]))
    assert nothing.seeds == 0
    assert math.isnan(nothing.needed)


def test_not_reached_is_an_answer_and_one_seed_has_no_interval():
    found = reach(curve([3, 2, 1, 1]), pd.Series([0.0]))
    assert found.needed == math.inf
    assert math.isnan(found.low)
    within = reach(curve([3, 2, 1, 0.5], [3, 2, 1, 0.9], [3, 2, 1, -0.9]), pd.Series([0.0] * 3))
    assert within.needed == math.inf  # the mean stays above, ...
    assert within.low < 80  # ... but may well be below
    assert within.high == math.inf
    assert not within.dips


def test_a_mean_that_only_dips_below_the_target_is_told_apart():
    found = reach(curve([3, -0.5, 1, 1], [3, -0.7, 1, 1]), pd.Series([0.0, 0.0]))
    assert (found.needed, found.below, found.dips) == (math.inf, 20, True)
    assert found.over(100).below == 0.2


def test_a_first_budget_that_is_enough_bounds_from_above_only():
    found = reach(curve([-1, -1, -1, -1], [-1.1, -1, -1, -1]), pd.Series([0.0, 0.0]))
    assert (found.needed, found.low, found.high) == (10, 0, 10)


def test_labels_to_match_another_strategy_at_each_of_its_budgets():
    """This one has at 20 what the other has at 80, and before 20 what the other has at 20."""
    both = study(random=[[4, 3, 2.5, 1]], entropy=[[4, 1, 0.5, 0.2]])
    found = [both.needed("entropy", both.loss_of("random", size)).needed for size in (20, 80)]
    assert found == pytest.approx([10 + 10 / 3, 20])
    back = [both.needed("random", both.loss_of("entropy", size)).needed for size in (20, 40)]
    assert back == [80, math.inf]


LOSSES = st.lists(st.floats(0.5, 4), min_size=4, max_size=4)


@given(st.lists(LOSSES, min_size=1, max_size=4))
@example([[0.9903194624476208] * 4])  # whose mean differs in its last bit
def test_a_strategy_has_what_it_has_itself_within_its_own_labels(seeds):
    """However its losses rise and fall: the fit is of both curves, so equal ones never differ."""
    own = study(random=seeds)
    for size in (10, 20, 40, 80):
        assert own.needed("random", own.loss_of("random", size)).needed <= size


@given(st.data())
def test_no_strategy_reaches_at_the_shared_first_budget_what_another_one_does_not(data):
    """Whatever comes later, and whichever seeds are missing."""
    seeds = data.draw(st.integers(1, 4))
    first = data.draw(st.lists(st.floats(0.5, 4), min_size=seeds, max_size=seeds))
    rows = [
        (name, seed, size, value)
        for name in ("a", "b", "c")
        for seed in range(seeds)
        if name == "a" or data.draw(st.booleans())
        for size, value in zip(
            (10, 20, 40),
            [first[seed], *data.draw(st.tuples(st.floats(0.5, 4), st.floats(0.5, 4)))],
            strict=True,
        )
    ]
    all_curves = curves(pd.DataFrame(rows, columns=["strategy", "seed", "labelled", "value"]))
    target = pd.Series(data.draw(st.lists(st.floats(0.5, 4), min_size=seeds, max_size=seeds)))
    found = [all_curves.needed(name, target) for name in all_curves.by_name]
    assert len({labels.needed == 10 for labels in found}) == 1
    if seeds > 1:
        assert len({labels.low == 0 for labels in found if math.isfinite(labels.low)}) <= 1


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
        goal = pd.Series(target + of_seed[:, 0] + rng.normal(0, noise, seeds))
        found = labels_to_reach(own, goal, own[10.0])
        covered += found.low <= truth <= found.high
    assert covered / studies > 0.93


def test_curves_come_from_results_without_seeds_that_have_gaps():
    rows = pd.DataFrame(
        [("random", 0, 10, 3.0), ("random", 0, 20, 2.0), ("random", 1, 10, 3.0), ("full-data", 0, 99, 1.0)],
        columns=["strategy", "seed", "labelled", "value"],
    )
    assert curves(rows).by_name["random"].to_dict("list") == {10: [3.0], 20: [2.0]}
    assert curves(rows).first.to_dict() == {0: 3.0, 1: 3.0}
    assert full_data(rows).to_dict() == {0: 1.0}
