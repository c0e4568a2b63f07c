"""Two one-sided tests, against confidence intervals and simulated studies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.design.equivalence import equivalence_p
from benchmark.report.statistics.design.power import PairedTest, equivalence_power
from benchmark.report.statistics.paired_tests import paired_t, paired_t_below


def test_one_side_is_scipy_s():
    values = np.random.default_rng(0).normal(-0.3, 1, size=9)
    assert paired_t_below(values.tolist()) == pytest.approx(
        stats.ttest_1samp(values, 0, alternative="less").pvalue
    )
    assert paired_t_below((-values).tolist()) == pytest.approx(1 - paired_t_below(values.tolist()))


def test_equal_differences_and_few():
    assert paired_t_below([-1.0] * 4) == 0
    assert paired_t_below([0.0] * 4) == paired_t_below([1.0] * 4) == 1
    assert np.isnan(paired_t_below([1.0, 2.0, 3.0]))
    assert np.isnan(equivalence_p([0.1, 0.2, 0.3], 1.0))
    assert equivalence_p([0.0] * 4, 0.1) == 0


@given(st.integers(0, 10_000), st.floats(0.1, 2))
@settings(max_examples=20, deadline=None)
def test_equivalent_where_the_90_percent_interval_is_within_the_margin(seed, margin):
    values = np.random.default_rng(seed).normal(0.1, 1, size=10)
    low, high = stats.t.interval(0.9, 9, values.mean(), stats.sem(values))
    assert (equivalence_p(values.tolist(), margin) < 0.05) == (-margin < low and high < margin)


def test_a_margin_by_seed_has_the_uncertainty_of_the_gap():
    rng = np.random.default_rng(1)
    differences, gaps = rng.normal(0, 0.2, size=12), rng.normal(1, 0.6, size=12)
    fixed = equivalence_p(differences.tolist(), 0.2 * gaps.mean())
    by_seed = equivalence_p(differences.tolist(), (0.2 * gaps).tolist())
    one, other = (stats.ttest_1samp(s * differences - 0.2 * gaps, 0, alternative="less") for s in (1, -1))
    assert by_seed == pytest.approx(max(one.pvalue, other.pvalue))
    assert by_seed > fixed


def test_equivalence_that_is_not_there_is_shown_in_one_study_of_twenty():
    rng = np.random.default_rng(2)
    found = [equivalence_p(rng.normal(0.5, 0.4, size=8).tolist(), 0.5) < 0.05 for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.015)


def test_power_of_equivalence_by_simulation():
    rng = np.random.default_rng(3)
    found = [equivalence_p(rng.normal(0, 0.5, size=16).tolist(), 0.4) < 0.05 for _ in range(2000)]
    assert equivalence_power(0.4, 0.5, 16, PairedTest()) == pytest.approx(np.mean(found), abs=0.04)
    assert paired_t([0.0, 0, 0, 1]) > 0.05
