import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.intervals import missing_seeds, ranking, summarise, t_interval

numbers = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20)


@given(numbers, st.floats(0.5, 0.999))
def test_t_interval_equals_scipys(values, level):
    low, high = stats.t.interval(level, len(values) - 1, np.mean(values), 1.0)
    scale = stats.sem(values)
    mean, own_low, own_high = t_interval(values, level)
    assert mean == pytest.approx(np.mean(values))
    rounding = 1e-6 + 1e-9 * max(map(abs, values))  # a limit may be 0, the difference of large numbers
    assert own_low == pytest.approx(mean + (low - mean) * scale, rel=1e-6, abs=rounding)
    assert own_high == pytest.approx(mean + (high - mean) * scale, rel=1e-6, abs=rounding)


def test_t_interval_of_two_values_by_hand():
    # The 97.5 % quantile of t with one degree of freedom is tan(0.475 pi); the standard error of 1, 3 is 1.
    mean, low, high = t_interval([1.0, 3.0])
    assert (mean, high - mean) == pytest.approx((2.0, math.tan(0.475 * math.pi)))
    assert mean - low == pytest.approx(high - mean)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_t_interval_covers_the_mean_in_95_percent_of_studies(seeds):
    samples = np.random.default_rng(0).normal(1.05, 0.035, size=(4000, seeds))
    limits = np.array([t_interval(sample)[1:] for sample in samples])
    covered = ((limits[:, 0] <= 1.05) & (limits[:, 1] >= 1.05)).mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_t_interval_of_one_value_has_no_limits():
    mean, low, high = t_interval([0.7])
    assert mean == 0.7
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(("values", "level"), [([], 0.95), ([1.0, 2.0], 1.0), ([1.0, 2.0], 0.0)])
def test_t_interval_refuses_what_has_none(values, level):
    with pytest.raises(ValueError, match="t interval needs values"):
        t_interval(values, level)


def long_rows(*rows):
    columns = ["strategy", "seed", "labelled", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(dataset="rooms", task="total", metric="loss", share=table["labelled"] / 100)


def test_summary_leaves_missing_values_out_and_counts_the_rest():
    rows = long_rows(
        ("random", 0, 10, 1.0),
        ("random", 1, 10, 3.0),
        ("random", 2, 10, math.nan),
        ("random", 0, 20, math.nan),
    )
    summary = summarise(rows)
    assert len(summary) == 1
    cell = summary.iloc[0]
    assert (cell["seeds"], cell["mean"], cell["labelled"], cell["share"]) == (2, 2.0, 10, 0.1)
    assert (cell["low"], cell["high"]) == pytest.approx(stats.t.interval(0.95, 1, 2.0, 1.0))


def test_summary_of_nothing_is_empty():
    assert summarise(long_rows(("random", 0, 10, math.nan))).empty


def test_ranking_compares_only_budgets_that_all_have():
    # Over its own budgets "late" would win, having skipped the first, where losses are high.
    means = pd.DataFrame({10: [1.3, math.nan, 1.2], 20: [0.8, 0.9, 1.0]}, index=["good", "late", "bad"])
    assert ranking(means) == ["good", "late", "bad"]


def test_ranking_puts_what_has_no_mean_last_and_ties_by_name():
    means = pd.DataFrame({10: [math.nan, 1.0, 1.0]}, index=["a", "c", "b"])
    assert ranking(means) == ["b", "c", "a"]


def test_missing_seeds_names_absent_and_empty_values_alike():
    rows = long_rows(("random", 0, 10, 1.0), ("random", 0, 20, 1.0), ("random", 1, 10, math.nan))
    assert missing_seeds(rows, [10, 20], [0, 1, 2]) == {1: [10, 20], 2: [10, 20]}
