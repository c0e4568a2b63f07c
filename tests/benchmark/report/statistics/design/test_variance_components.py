"""Components of variance, against simulation and values by hand."""

import numpy as np
import pytest

from benchmark.report.statistics.design.variance_components import components, spread


def test_components_are_those_that_made_the_values():
    rng = np.random.default_rng(0)
    seeds = rng.normal(5, 0.3, size=600)
    draws = {seed: (mean + rng.normal(0, 0.1, size=3)).tolist() for seed, mean in enumerate(seeds)}
    trainings = rng.normal(5, 0.06, size=600).tolist()
    found = components(draws, trainings)
    assert found.seed.value == pytest.approx(0.3, rel=0.05)
    assert found.draw.value == pytest.approx(0.1, rel=0.05)
    assert found.training.value == pytest.approx(0.06, rel=0.06)
    assert found.labelled_set.value == pytest.approx(0.08, rel=0.08)
    assert not found.evaluation.is_known
    assert found.of_difference(3).value == pytest.approx(0.1 * np.sqrt(4 / 3), rel=0.05)


def test_by_hand():
    found = components({0: [1.0, 3.0], 1: [7.0, 9.0]})
    assert found.draw.value == pytest.approx(np.sqrt(2))
    assert found.draw.degrees == 2
    assert found.seed.value == pytest.approx(np.sqrt((36 - 2) / 2))  # (mean square between - within) / 2
    assert not found.training.is_known
    assert not found.labelled_set.is_known


def test_unequal_numbers_of_draws():
    rng = np.random.default_rng(1)
    draws = {
        seed: (rng.normal(0, 0.4) + rng.normal(0, 0.2, size=rng.integers(1, 5))).tolist()
        for seed in range(2000)
    }
    found = components(draws)
    assert found.draw.value == pytest.approx(0.2, rel=0.04)
    assert found.seed.value == pytest.approx(0.4, rel=0.06)


def test_intervals_hold_the_truth_in_19_of_20():
    rng = np.random.default_rng(2)
    held = [s.low < 1 < s.high for s in (spread(rng.normal(size=9).tolist()) for _ in range(2000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_what_is_not_known():
    one_draw = components({0: [1.0], 1: [2.0]})
    assert not one_draw.draw.is_known
    assert not one_draw.seed.is_known
    assert not one_draw.of_difference(3).is_known
    assert not components({}).seed.is_known
    assert components({0: [1.0, 3.0], 1: [1.0, 3.0]}).seed.value == 0
    assert not spread([1.0]).is_known
