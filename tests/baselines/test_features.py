"""Standardised vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines._features import standardised


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(-100, 100), st.floats(0.01, 100))
def test_every_column_has_mean_0_and_variance_1(seed, count, offset, scale):
    vectors = np.random.default_rng(seed).standard_normal((count, 3)) * scale + offset
    found = standardised(vectors).astype(np.float64)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(0), 1, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 12345.678])
def test_a_column_of_equal_numbers_is_0_whatever_they_are(value):
    vectors = np.full((25, 2), value, np.float32)
    vectors[:, 1] = np.arange(25)
    found = standardised(vectors)
    assert not found[:, 0].any()
    assert np.ptp(found[:, 1]) > 3


def test_equal_rows_stay_equal_and_one_row_is_0():
    vectors = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    found = standardised(vectors[[0, 1, 0, 2, 3, 0]])
    assert (found[[0, 0]] == found[[2, 5]]).all()
    assert not standardised(vectors[:1]).any()


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="row 2"):
        standardised(np.array([[0], [1], [np.nan]]))
