"""Scores on one scale, and the highest of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.score_normalisation import NORMALISATIONS, highest, normalise, ranks, robust_minmax, zscores

COLUMNS = arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=st.integers(-5, 5))


def counted_ranks(column):
    """Rank by counting: the share of the others that are lower, equal ones counted half."""
    lower = (column[:, None] > column[None]).sum(1)
    equal = (column[:, None] == column[None]).sum(1) - 1
    return (lower + equal / 2) / (len(column) - 1)


@given(COLUMNS)
def test_ranks_count_the_lower_ones(scores):
    expected = np.stack([counted_ranks(column) for column in scores.T], 1)
    np.testing.assert_allclose(ranks(scores), expected, atol=1e-12)


def test_ranks_of_few_images():
    np.testing.assert_array_equal(ranks(np.array([[3.0, 1.0]])), [[0.5, 0.5]])
    assert ranks(np.empty((0, 2))).shape == (0, 2)
    np.testing.assert_array_equal(ranks(np.array([[3.0], [1.0]])), [[1.0], [0.0]])


@given(COLUMNS)
def test_zscores_have_mean_0_and_deviation_1(scores):
    found = zscores(scores)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-9)
    constant = np.ptp(scores, axis=0) == 0
    np.testing.assert_allclose(found.std(0), np.where(constant, 0, 1), atol=1e-9)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-7, 1234.567])
@pytest.mark.parametrize("how", sorted(NORMALISATIONS))
@pytest.mark.parametrize("count", [2, 7, 795])
def test_a_constant_column_says_nothing(value, how, count):
    found = normalise(np.full((count, 2), value), how)
    np.testing.assert_allclose(found, found[0, 0], atol=1e-6)
    assert abs(found[0, 0]) <= 1


def test_minmax_clips_one_percent_at_either_end():
    column = np.arange(1001, dtype=np.float64)
    column[-1], column[0] = 1e9, -1e9
    found = robust_minmax(np.random.default_rng(0).permuted(column)[:, None])[:, 0]
    assert np.sum(found == 0) == 11  # the lowest 1 % of 1001
    assert np.sum(found == 1) == 11
    np.testing.assert_allclose(np.sort(found)[500], 0.5)
    inside = np.sort(found)[11:990]
    np.testing.assert_allclose(np.diff(inside), 1 / 980, atol=1e-9)


@given(COLUMNS, st.sampled_from(sorted(NORMALISATIONS)), st.floats(0.01, 1000), st.floats(-100, 100))
def test_normalising_ignores_unit_and_offset(scores, how, unit, offset):
    np.testing.assert_allclose(normalise(scores * unit + offset, how), normalise(scores, how), atol=1e-6)


def test_the_highest_come_first():
    scores = np.array([0.3, 0.9, 0.1, 0.5])
    assert highest(scores, 3, np.random.default_rng(0)).tolist() == [1, 3, 0]
    assert highest(scores, 0, np.random.default_rng(0)).tolist() == []
    assert highest(scores, 3, np.random.default_rng(0)).dtype == np.int64


def test_ties_are_broken_evenly():
    scores = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    first = [highest(scores, 2, np.random.default_rng(seed)).tolist() for seed in range(600)]
    counts = np.bincount(np.ravel(first), minlength=5)
    assert counts[4] == 0
    assert np.all(abs(counts[:4] - 300) < 60)  # 5 standard deviations


def test_a_score_that_is_not_a_number_is_never_the_highest():
    scores = np.array([np.nan, 0.0, np.nan, -1.0])
    assert highest(scores, 2, np.random.default_rng(0)).tolist() == [1, 3]
