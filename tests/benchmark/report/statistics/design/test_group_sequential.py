"""Bounds for planned looks, against published tables and against simulated studies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.statistics.design.group_sequential import GroupSequential, sequential_p

#: Jennison and Turnbull 2000, tables 2.1 and 2.3: looks, constants of two-sided bounds at 5 %.
POCOCK = {1: 1.960, 2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 8: 2.512, 10: 2.555}
OBRIEN_FLEMING = {1: 1.960, 2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 8: 2.072, 10: 2.087}


def equal(looks, bound, one_sided=False):
    return GroupSequential(tuple(range(4, 4 * looks + 1, 4)), bound, one_sided)


@pytest.mark.parametrize(
    ("bound", "looks", "constant"),
    [("pocock", *pair) for pair in POCOCK.items()]
    + [("obrien-fleming", *pair) for pair in OBRIEN_FLEMING.items()],
)
def test_constants_of_published_tables(bound, looks, constant):
    assert equal(looks, bound).constant(0.05) == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize(("bound", "constant"), [("pocock", 2.122), ("obrien-fleming", 1.751)])
def test_one_sided_constants_are_those_of_twice_the_level(bound, constant):
    assert equal(5, bound, True).constant(0.05) == pytest.approx(constant, abs=6e-4)
    assert equal(5, bound).constant(0.10) == pytest.approx(constant, abs=6e-4)


def test_obrien_fleming_asks_much_of_early_looks():
    design = GroupSequential((5, 10, 20))
    z = stats.norm.isf(np.array(design.levels(0.05)) / 2)
    np.testing.assert_allclose(z, design.constant(0.05) * np.sqrt(20 / np.array([5, 10, 20])), rtol=1e-9)
    assert design.levels(0.05)[-1] > 0.045


def test_unequal_looks_by_simulation():
    design, rng = GroupSequential((4, 9, 10, 30), "pocock"), np.random.default_rng(1)
    walk = rng.normal(size=(200_000, 30)).cumsum(axis=1)
    z = walk[:, [3, 8, 9, 29]] / np.sqrt([4, 9, 10, 30])
    crossed = (np.abs(z) > design.bounds(design.constant(0.05))).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=0.002)


def test_drift_gives_power_by_simulation():
    design, rng = GroupSequential((5, 10, 20), one_sided=True), np.random.default_rng(2)
    constant = design.constant(0.05)
    walk = rng.normal(0.5, 1, size=(100_000, 20)).cumsum(axis=1)
    z = walk[:, [4, 9, 19]] / np.sqrt([5, 10, 20])
    power = (z > design.bounds(constant)).any(axis=1).mean()
    assert design.crossed(constant, drift=0.5 * np.sqrt(20)) == pytest.approx(power, abs=0.005)


@given(st.floats(0.001, 0.3), st.sampled_from(["pocock", "obrien-fleming"]), st.booleans(), st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_the_overall_level_of_a_look_undoes_its_nominal_level(level, bound, one_sided, look):
    design = GroupSequential((5, 10, 20), bound, one_sided)
    assert design.overall(design.levels(level)[look], look) == pytest.approx(level, rel=1e-4)


def test_one_look_changes_nothing():
    assert GroupSequential((8,)).overall(0.03, 0) == pytest.approx(0.03, rel=1e-6)
    assert GroupSequential((8,)).levels(0.05) == pytest.approx([0.05])


def test_the_p_value_of_a_study_never_rises_with_looks():
    p = sequential_p(GroupSequential((5, 10, 20)), [0.04, float("nan"), 0.04])
    assert p[0] == p[1] > p[2] == pytest.approx(0.042, abs=0.003)
    assert sequential_p(GroupSequential((5,)), [0.0]) == [0.0]


@pytest.mark.parametrize("looks", [(), (0, 4), (5, 5), (9, 4)])
def test_looks_must_rise(looks):
    with pytest.raises(ValueError, match="rising numbers of seeds"):
        GroupSequential(looks)


def test_with_t_tests_of_few_seeds_false_positives_stay_about_the_level():
    """Significance levels in the place of z: 20,000 studies without any difference, looks at 5, 10, 20."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20_000, 20))
    found = {}
    for bound in ("pocock", "obrien-fleming"):
        levels = GroupSequential((5, 10, 20), bound).levels(0.05)
        p = np.stack([stats.ttest_1samp(values[:, :n], 0, axis=1).pvalue for n in (5, 10, 20)])
        found[bound] = (p <= np.array(levels)[:, None]).any(axis=0).mean()
    at_each = (p <= 0.05).any(axis=0).mean()  # what the bounds are for
    assert found == pytest.approx({"pocock": 0.05, "obrien-fleming": 0.05}, abs=0.006)
    assert at_each > 0.09
