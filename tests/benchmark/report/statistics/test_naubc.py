import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.statistics.naubc import naubc, naubc_of

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=8)


def test_by_hand():
    """Two trapezoids: 10 wide with mean 3, 30 wide with mean 1.5; 75 over a range of 40."""
    assert naubc([10, 20, 50], [4, 2, 1]) == pytest.approx(75 / 40)


@given(VALUES)
def test_evenly_spaced_it_is_the_mean_with_half_the_ends(values):
    expected = (sum(values) - (values[0] + values[-1]) / 2) / (len(values) - 1)
    assert naubc(range(0, 10 * len(values), 10), values) == pytest.approx(expected, abs=1e-9)


@given(VALUES, st.floats(0.1, 1000), st.floats(-50, 50))
def test_it_has_the_unit_of_the_values_and_none_of_the_budgets(values, scale, shift):
    budgets = np.cumsum(np.arange(1, len(values) + 1))
    plain = naubc(budgets, values)
    assert naubc(budgets * scale, values) == pytest.approx(plain, abs=1e-6)
    assert naubc(budgets, np.add(values, shift)) == pytest.approx(plain + shift, abs=1e-6)


def test_one_budget_has_no_area_and_a_missing_value_neither():
    assert math.isnan(naubc([10], [1]))
    assert math.isnan(naubc([10, 20], [1, math.nan]))


@pytest.mark.parametrize(("budgets", "values"), [([10, 10], [1, 2]), ([20, 10], [1, 2]), ([1, 2], [1])])
def test_budgets_must_rise(budgets, values):
    with pytest.raises(ValueError, match="rising budgets"):
        naubc(budgets, values)


def table(*rows):
    columns = ["dataset", "strategy", "seed", "labelled", "task", "metric", "value"]
    return pd.DataFrame([("rooms", *row[:3], "total", "loss", row[3]) for row in rows], columns=columns)


def test_a_trajectory_that_lacks_a_budget_has_none_and_is_not_dropped():
    rows = table(
        ("random", 0, 10, 4.0), ("random", 0, 20, 2.0), ("random", 1, 10, 4.0), ("entropy", 0, 10, 3.0),
        ("entropy", 0, 20, math.nan), ("random", 0, 99, 0.0),
    )  # fmt: skip
    found = naubc_of(rows, [10, 20]).set_index(["strategy", "seed"])["naubc"]
    assert found["random", 0] == 3
    assert math.isnan(found["random", 1])
    assert math.isnan(found["entropy", 0])


def test_the_order_of_rows_does_not_matter():
    rows = table(*[("random", s, b, s + 100 / b) for s in range(3) for b in (10, 20, 40)])
    mixed = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(naubc_of(rows, [10, 20, 40]), naubc_of(mixed, [10, 20, 40]))
