"""Power and seeds, against published tables, simulation, and the house's detectable difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.design.power import (
    MOST_SEEDS,
    PairedTest,
    equivalence_power,
    power,
    seeds_for_equivalence,
    seeds_needed,
)
from benchmark.report.statistics.paired_tests import detectable_difference


def test_seeds_of_published_tables():
    """One sample, two-sided 5 %, power .8: 199, 34, 15 for small, medium and large effects (Cohen's d)."""
    assert [seeds_needed(d, 1.0) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert [seeds_needed(d, 1.0, test=PairedTest(one_sided=True)) for d in (0.2, 0.5, 0.8)] == [156, 27, 12]


@given(st.integers(4, 60), st.integers(1, 20))
def test_the_detectable_difference_has_the_power_that_it_is_defined_by(seeds, family):
    difference = detectable_difference(0.3, seeds, 0.05 / family)
    assert power(difference, 0.3, seeds, PairedTest(family=family)) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("one_sided", [True, False])
def test_power_by_simulation(one_sided):
    values = np.random.default_rng(0).normal(-0.6, 1, size=(40_000, 12))
    alternative = "less" if one_sided else "two-sided"
    found = (stats.ttest_1samp(values, 0, axis=1, alternative=alternative).pvalue < 0.05 / 3).mean()
    assert power(0.6, 1, 12, PairedTest(family=3, one_sided=one_sided)) == pytest.approx(found, abs=0.01)


@given(st.floats(0.05, 3), st.integers(1, 12), st.booleans())
def test_one_seed_less_has_too_little_power(effect, family, one_sided):
    test = PairedTest(family=family, one_sided=one_sided)
    seeds = seeds_needed(effect, 1, test=test)
    assert seeds == MOST_SEEDS or power(effect, 1, seeds, test) >= 0.8
    assert seeds == 4 or power(effect, 1, seeds - 1, test) < 0.8


def test_equivalence_needs_more_than_a_difference():
    assert seeds_for_equivalence(0.5, 1) > seeds_needed(0.5, 1)
    assert equivalence_power(0.5, 1, seeds_for_equivalence(0.5, 1)) >= 0.8


def test_too_few_and_too_many():
    assert np.isnan(power(1, 1, 3))
    assert np.isnan(equivalence_power(1, 1, 3))
    assert seeds_needed(1e-6, 1) == MOST_SEEDS
    assert seeds_needed(100, 1) == 4
