"""The gap to full data: what choosing could win at most, as the unit of differences."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.full_data_gap import full_data_gap, gap_words, room
from benchmark.report.statistics.naubc import naubc
from benchmark.report.statistics.paired_tests import Comparison

BUDGETS = [10, 20, 40]


def losses(*seeds):
    return pd.DataFrame(list(seeds), columns=BUDGETS, dtype=float)


def compared(*detectable):
    return [Comparison(f"s{n}", "random", 5, 0, -1, 1, 0.5, 1, size) for n, size in enumerate(detectable)]


def test_the_gap_by_hand():
    """Areas of 4, 3, 2 and of 4, 1.5, 1.5 over 30 labels: (35 + 50 - 27.5 - 30) / 30."""
    found = full_data_gap(losses([4, 3, 2], [5, 3, 2]), pd.Series([1.5, 1.1]))
    gaps = [(35 + 50 - 27.5 - 30) / 30, (40 + 50 - 30.5 - 22) / 30]
    assert found.mean == pytest.approx(np.mean(gaps))
    assert (found.high - found.mean) == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem(gaps))
    assert found.at == pytest.approx({20: 1.7, 40: 0.7})
    assert found.share(-found.mean) == -1
    assert found.share(0.35, 40) == pytest.approx(0.5)
    assert math.isnan(found.share(0.1, 10))  # all strategies share the first budget: nothing to win there


CURVES = st.lists(st.lists(st.floats(0.1, 9), min_size=3, max_size=3), min_size=2, max_size=5)


@given(CURVES, st.floats(0.1, 9), st.floats(0.5, 2))
def test_a_strategy_at_the_floor_gains_the_whole_gap_in_any_unit(curves, full, unit):
    random, all_labels = losses(*curves), pd.Series([full] * len(curves))
    found = full_data_gap(random * unit, all_labels * unit)
    floor = [naubc(BUDGETS, [values[0], full, full]) for values in curves]
    best = np.mean(floor) - np.mean([naubc(BUDGETS, values) for values in curves])
    assert found.mean == pytest.approx(-best * unit, abs=1e-9)
    assert found.mean == pytest.approx(naubc(BUDGETS, [0, *found.at.values()]), abs=1e-9)
    if found.mean > 1e-6:
        assert found.share(best * unit) == pytest.approx(-1, abs=1e-6)
    if found.mean <= 0:
        assert math.isnan(found.share(best))


def test_only_seeds_that_have_both_count_and_one_has_no_interval():
    found = full_data_gap(losses([4, 3, 2], [5, 3, 2]), pd.Series([1.5], index=[1]))
    assert (found.seeds, found.mean) == (1, pytest.approx((40 + 50 - 32.5 - 30) / 30))
    assert math.isnan(found.low)
    assert "(1 seed)" in gap_words(found, 3)


@pytest.mark.parametrize("random", [losses([4, 3, 2]), pd.DataFrame()])
def test_without_full_data_or_random_it_says_so(random):
    found = full_data_gap(random, pd.Series(dtype=float))
    assert (found.seeds, found.percent(0.1)) == (0, "")
    assert gap_words(found, 3).startswith("No difference is given as a share of the gap")
    assert room(found, compared(0.1), 3) is None


def test_one_budget_has_no_gap():
    one = pd.DataFrame([[4.0]], columns=[10])
    assert full_data_gap(one, pd.Series([1.0])).seeds == 0


@pytest.mark.parametrize(
    ("detectable", "words"),
    [
        ((0.1, 0.2), None),
        ((), None),
        ((math.nan,), None),
        (
            (0.3, 1.7),
            "Little room: having the full-data loss at every budget after the first would gain 0.917",
        ),
        ((0.95, 1.7), "No room: having the full-data loss at every budget after the first would gain 0.917"),
    ],
)
def test_no_room_is_said_where_the_gap_is_smaller_than_what_could_be_detected(detectable, words):
    found = full_data_gap(losses([4, 3, 2], [4, 3, 2]), pd.Series([1.5, 1.5]))
    said = room(found, compared(*detectable), 3)
    assert said is None if words is None else said is not None and said.startswith(words)


def test_where_random_is_level_with_full_data_there_is_no_room_however_few_the_seeds():
    found = full_data_gap(losses([4, 1.5, 1.2], [4, 1.5, 1.2]), pd.Series([1.5, 1.5]))
    assert str(room(found, [], 3)).startswith("No room: after the first budget random has no higher losses")
    assert found.percent(-0.1) == ""
    assert "has no shares" in gap_words(found, 3)


def test_a_gap_that_may_be_zero_makes_shares_unsure():
    found = full_data_gap(losses([4, 3, 2], [4, 1.4, 1.4]), pd.Series([1.5, 1.5]))
    assert "shares of it are unsure" in gap_words(found, 3)
