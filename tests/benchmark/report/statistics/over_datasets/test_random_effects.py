"""The random-effects mean: a published example, closed forms, the definition, and simulated coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.over_datasets.random_effects import random_effects

#: Trials of the BCG vaccine (Colditz et al. 1994): ill and well with it, ill and well without.
BCG = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
        (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892),
        (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    float,
)  # fmt: skip
EFFECTS = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=2, max_size=8)


def test_the_published_example_of_thirteen_trials():
    """Log risk ratios: Q is 152.233 in Viechtbauer (2010, section 3.1); Paule's and Mandel's tau² is .318."""
    a, b, c, d = BCG.T
    effects = np.log(a / (a + b)) - np.log(c / (c + d))
    errors = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    found = random_effects(effects, errors)
    assert found.i_squared == pytest.approx(1 - 12 / 152.2330, abs=1e-6)
    assert found.tau**2 == pytest.approx(0.318, abs=5e-4)
    assert found.mean == pytest.approx(-0.715, abs=1e-3)
    assert found.heterogeneity == pytest.approx(stats.chi2.sf(152.2330, 12), rel=1e-3)
    assert (found.low, found.high) == pytest.approx((-1.109, -0.321), abs=1e-3)


def test_with_equal_errors_it_is_the_t_interval_of_the_effects():
    effects = [0.1, -0.4, 0.9, 0.2]
    found = random_effects(effects, [0.1] * 4)
    interval = stats.t.interval(0.95, 3, np.mean(effects), stats.sem(effects))
    assert (found.low, found.high) == pytest.approx(interval)
    assert found.p == pytest.approx(stats.ttest_1samp(effects, 0).pvalue)
    assert found.tau**2 == pytest.approx(np.var(effects, ddof=1) - 0.01)
    half = stats.t.ppf(0.975, 2) * np.sqrt(found.tau**2 + stats.sem(effects) ** 2)
    assert found.further_high - found.mean == pytest.approx(half)


def test_effects_that_agree_are_weighted_by_precision():
    found = random_effects([0.10, 0.12, 0.11], [0.1, 0.2, 0.4])
    weights = np.array([100, 25, 6.25])
    assert found.mean == pytest.approx(weights @ [0.10, 0.12, 0.11] / weights.sum())
    assert (found.tau, found.i_squared) == (0, 0)
    assert found.error == pytest.approx(1 / np.sqrt(weights.sum())), "never surer than the errors allow"


def test_two_data_sets_have_one_degree_of_freedom_and_no_further_one():
    found = random_effects([-0.1, -0.3], [0.05, 0.05])
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 1) * 0.1)
    assert np.isnan([found.further_low, found.further_high]).all()


@given(EFFECTS)
def test_the_variance_is_where_the_squares_are_as_many_as_degrees(some):
    effects, errors = np.array(some).T
    found = random_effects(effects, errors)
    weights = 1 / (errors**2 + found.tau**2)
    mean = np.average(effects, weights=weights)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    squares = (weights * (effects - mean) ** 2).sum()
    assert squares == pytest.approx(len(some) - 1, rel=1e-5) if found.tau else squares <= len(some) - 1 + 1e-9
    assert found.low <= found.mean <= found.high
    moved = random_effects(effects + 5, errors)
    assert (moved.mean - 5, moved.tau) == pytest.approx((found.mean, found.tau), abs=1e-4)


def simulated(count, tau, seeds=10, studies=1500):
    """Shares of studies in which intervals hold the mean, and the true effect of a further data set."""
    rng, held, further = np.random.default_rng(count), [], []
    for _ in range(studies):
        true = rng.normal(0.2, tau, count)
        spread = rng.uniform(0.05, 0.25, count)
        values = [rng.normal(at, size, seeds) for at, size in zip(true, spread, strict=True)]
        found = random_effects([v.mean() for v in values], [stats.sem(v) for v in values])
        held.append(found.low <= 0.2 <= found.high)
        further.append(found.further_low <= rng.normal(0.2, tau) <= found.further_high)
    return np.mean(held), np.mean(further)


@pytest.mark.parametrize(("count", "tau"), [(2, 0.0), (2, 0.1), (3, 0.1), (4, 0.0), (4, 0.2), (8, 0.1)])
def test_intervals_hold_the_truth_in_19_of_20_or_more(count, tau):
    held, further = simulated(count, tau)
    assert held >= 0.93
    if count > 3 and tau:
        assert 0.90 <= further <= 0.99


@pytest.mark.parametrize(
    ("effects", "errors"),
    [([0.1], [0.1]), ([0.1, 0.2], [0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, np.nan], [1, 1])],
)
def test_what_has_no_mean(effects, errors):
    with pytest.raises(ValueError, match="two effects or more"):
        random_effects(effects, errors)
