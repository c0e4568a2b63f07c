"""The largest t of a family, against enumeration written out, scipy and simulated families."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy
from scipy import stats

from benchmark.report.statistics.design.max_t import max_t, patterns, smallest_p
from benchmark.report.statistics.holm_family import holm
from benchmark.report.statistics.paired_tests import paired_t


def t_of(values):
    return float(stats.ttest_1samp(values, 0).statistic)


def by_hand(differences, columns):
    """The single-step p value of each column within the maximum over these columns."""
    flips = [np.array(signs) for signs in product([1, -1], repeat=len(differences))]
    largest = [max(abs(t_of(differences[:, c] * signs)) for c in columns) for signs in flips]
    return {c: np.mean(np.array(largest) >= abs(t_of(differences[:, c])) - 1e-9) for c in columns}


def test_step_down_by_enumeration():
    differences = np.random.default_rng(0).normal([0.9, 0.3, 0.0], 1, size=(6, 3))
    order = sorted(range(3), key=lambda c: -abs(t_of(differences[:, c])))
    expected, highest = {}, 0.0
    for at, column in enumerate(order):
        highest = max(highest, by_hand(differences, order[at:])[column])
        expected[column] = highest
    assert max_t(differences).corrected == pytest.approx([expected[c] for c in range(3)])


def test_one_comparison_is_scipy_s_permutation_test():
    values = np.random.default_rng(1).normal(0.6, 1, size=8)
    for one_sided, alternative in ((False, "two-sided"), (True, "less")):
        found = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
        )
        assert max_t(values[:, None], one_sided=one_sided).corrected[0] == pytest.approx(found.pvalue)


@given(of_numpy.arrays(float, (6, 3), elements=st.floats(-4, 4).map(lambda x: round(x, 3))))
@settings(max_examples=20, deadline=None)
def test_correction_keeps_its_bounds_and_forgets_order_and_scale(differences):
    corrected = np.array(max_t(differences).corrected)
    alone = np.array([max_t(differences[:, [c]]).corrected[0] for c in range(3)])
    assert (corrected >= alone - 1e-12).all()
    np.testing.assert_allclose(max_t(4 * differences[::-1, ::-1]).corrected, corrected[::-1], atol=1e-12)


def test_correlation_is_what_it_gains_on_holm():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(12, 1)) + 0.05 * rng.normal(size=(12, 8)) + 0.7
    corrected = max_t(shared).corrected
    assert max(corrected) < max(holm([paired_t(column.tolist()) for column in shared.T]))


def test_comparisons_without_seeds_yet_keep_their_share():
    differences = np.random.default_rng(3).normal(0.8, 1, size=(9, 2))
    with_gap = np.column_stack([differences, np.full(9, np.nan)])
    whole, part = max_t(differences), max_t(with_gap)
    assert np.isnan(part.corrected[2])
    assert part.corrected[:2] == pytest.approx([min(1.5 * p, 1) for p in whole.corrected])
    assert max_t(differences, tests=3).corrected == pytest.approx(part.corrected[:2])
    assert np.isnan(max_t(np.full((5, 2), np.nan)).corrected).all()


def test_seeds_that_one_comparison_lacks():
    differences = np.random.default_rng(4).normal(1, 1, size=(7, 2))
    differences[0, 1] = np.nan
    alone = max_t(differences[:, [1]]).corrected[0]
    assert alone == pytest.approx(max_t(differences[1:, [1]]).corrected[0])


def test_equal_differences_and_none_at_all():
    assert max_t(np.ones((6, 1))).corrected[0] == smallest_p(6) == 2 / 64
    assert max_t(np.zeros((6, 1))).corrected[0] == 1
    assert max_t(-np.ones((5, 1)), one_sided=True).corrected[0] == smallest_p(5, True) == 1 / 32
    assert max_t(np.ones((5, 1)), one_sided=True).corrected[0] == 1


def test_five_seeds_cannot_show_anything_on_two_sides():
    found = max_t(np.random.default_rng(5).normal(9, 1, size=(5, 4)))
    assert min(found.corrected) >= 2 / 32
    assert found.critical == np.inf


def test_many_seeds_draw_signs_that_repeat():
    differences = np.random.default_rng(6).normal(0.5, 1, size=(20, 3))
    one, other = max_t(differences), max_t(differences)
    assert one == other
    assert not one.exact
    signs, exact = patterns(20)
    assert not exact
    assert (signs[0] == 1).all()
    assert one.corrected[0] == pytest.approx(paired_t(differences[:, 0].tolist()) * 2, rel=1)


def test_false_positives_of_a_family_by_simulation():
    """A family of 6 that shares its reference, 8 seeds, normal and heavy-tailed: never above the level."""
    rng = np.random.default_rng(7)
    for draw in (rng.normal, lambda size: rng.standard_t(3, size=size)):
        wrong = 0
        for _ in range(400):
            found = max_t(draw(size=(8, 6)) - draw(size=(8, 1)))
            wrong += min(found.corrected) <= 0.05
        assert wrong / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
        assert wrong / 400 >= 0.02
