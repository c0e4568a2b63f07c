import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.holm_family import against_reference, holm
from benchmark.report.statistics.paired_tests import (
    compare_all,
    detectable_difference,
    paired_differences,
    paired_t,
)


def values(**of_strategies):
    """``name=[value of seed 0, ...]`` for one data set; None has no row."""
    rows = [
        ("rooms", name.replace("_", "-"), seed, value)
        for name, of_seeds in of_strategies.items()
        for seed, value in enumerate(of_seeds)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["dataset", "strategy", "seed", "value"])


def to_random(table):
    return compare_all(table, against_reference(set(table["strategy"]), "random"))


def test_pairs_are_joined_by_seed_and_not_by_the_order_of_rows():
    """A defect of peers: strategies that lack another seed each were subtracted row by row."""
    table = values(random=[1.0, 2.0, None, 4.0], entropy=[0.5, None, 9.0, 3.0]).sample(frac=1, random_state=3)
    assert sorted(paired_differences(table, "entropy", "random")) == [-1.0, -0.5]


def test_data_sets_do_not_mix():
    one, other = values(random=[1.0], entropy=[2.0]), values(random=[5.0], entropy=[5.5])
    table = pd.concat([one, other.assign(dataset="camvid")])
    assert sorted(paired_differences(table, "entropy", "random")) == [0.5, 1.0]


def test_a_missing_value_takes_its_pair_with_it():
    table = values(random=[1.0, math.nan, 3.0], entropy=[1.0, 1.0, 1.0])
    assert paired_differences(table, "entropy", "random").tolist() == [0.0, -2.0]


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=10))
def test_the_test_is_that_of_scipy_on_pairs(sample):
    other = np.linspace(0, 1, len(sample))
    if np.ptp(np.subtract(sample, other)) > 1e-9:
        expected = stats.ttest_rel(sample, other).pvalue
        assert paired_t(np.subtract(sample, other)) == pytest.approx(expected, rel=1e-6)


def test_three_seeds_are_described_and_never_tested():
    assert math.isnan(paired_t([1, 2, 3]))
    assert paired_t([0, 0, 0, 0]) == 1
    assert paired_t([1, 1, 1, 1]) == 0


def test_holm_by_hand():
    """.01 times 4, .03 times 3, then no less than the one before, .04 times 2 and .05 times 1."""
    assert holm([0.03, 0.01, 0.05, 0.04]) == pytest.approx([0.09, 0.04, 0.09, 0.09])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


def test_what_was_not_tested_does_not_count_in_holm():
    corrected = holm([0.02, math.nan, 0.04])
    assert corrected[0] == pytest.approx(0.04)
    assert math.isnan(corrected[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_the_plain_value_and_bonferroni_and_keeps_the_order(p):
    corrected = holm(p)
    assert all(a <= b <= min(1, len(p) * a) + 1e-12 for a, b in zip(p, corrected, strict=True))
    assert [corrected[i] for i in np.argsort(p)] == sorted(corrected)


@pytest.mark.parametrize(("seeds", "level"), [(4, 0.05), (5, 0.05), (10, 0.05), (10, 0.01)])
def test_the_detectable_difference_is_found_in_four_studies_of_five(seeds, level):
    rng = np.random.default_rng(seeds)
    shift = detectable_difference(2.0, seeds, level)
    studies = rng.normal(shift, 2.0, (20_000, seeds))
    found = stats.ttest_1samp(studies, 0, axis=1).pvalue < level
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_more_seeds_detect_less():
    assert math.isnan(detectable_difference(1, 3))
    sizes = [detectable_difference(1, seeds) for seeds in (4, 5, 10, 30)]
    assert sizes == sorted(sizes, reverse=True)
    assert detectable_difference(1, 30) == pytest.approx(0.529, abs=0.002)  # Cohen's d of 30 pairs


def test_every_strategy_is_compared_over_the_seeds_that_both_have():
    table = values(
        random=[1.0, 1.1, 1.2, 1.3, 1.4],
        entropy=[0.9, 0.8, 1.1, 1.0, None],
        core_set=[2.0, 2.2, None, None, 2.1],
    )
    entropy, core_set = to_random(table)
    assert (entropy.strategy, entropy.seeds, core_set.strategy, core_set.seeds) == (
        "entropy",
        4,
        "core-set",
        3,
    )
    sample = np.array([-0.1, -0.3, -0.1, -0.3])
    assert entropy.mean == pytest.approx(sample.mean())
    assert entropy.high == pytest.approx(sample.mean() + stats.t.ppf(0.975, 3) * stats.sem(sample))
    assert entropy.p == pytest.approx(stats.ttest_1samp(sample, 0).pvalue)
    assert entropy.corrected == pytest.approx(2 * entropy.p)  # for both, as it will be with all seeds
    assert entropy.detectable == pytest.approx(detectable_difference(sample.std(ddof=1), 4, 0.025))
    assert math.isnan(core_set.p)
    assert math.isnan(core_set.detectable)


def test_a_strategy_without_a_common_seed_is_there_and_unknown():
    (found,) = to_random(values(random=[1.0, None], entropy=[None, 1.0]))
    assert found.seeds == 0
    assert math.isnan(found.mean)


@pytest.mark.parametrize("seeds", [5, 10])
def test_of_studies_with_ten_strategies_that_do_nothing_one_in_twenty_claims_something(seeds):
    rng = np.random.default_rng(seeds)
    wrong = 0
    for _ in range(1500):
        noise = rng.normal(size=(11, seeds))
        p = stats.ttest_1samp(noise[1:] - noise[0], 0, axis=1).pvalue
        wrong += min(holm(p.tolist())) < 0.05
    assert wrong / 1500 <= 0.06  # 5 % and two standard errors
