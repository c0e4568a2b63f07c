"""Draws in sequence: their frequencies against the probabilities of drawing one after the other."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from strategies.kernels.weighted_sampling import drawn_in_sequence, step_probabilities

WEIGHTS = np.array([1.0, 4.0, 2.0, 0.5])
DRAWS = 2000


def probability(order, weights=WEIGHTS):
    """Of this order: each by its share of what is left."""
    left, chance = weights.sum(), 1.0
    for at in order:
        chance, left = chance * weights[at] / left, left - weights[at]
    return chance


def test_orders_are_drawn_as_often_as_they_should():
    rng = np.random.default_rng(0)
    counts = Counter(tuple(drawn_in_sequence(np.log(WEIGHTS), 2, rng=rng).tolist()) for _ in range(DRAWS))
    orders = list(permutations(range(4), 2))
    expected = [DRAWS * probability(order) for order in orders]
    assert chisquare([counts[order] for order in orders], expected).pvalue > 1e-3


def test_weights_of_zero_come_last_in_random_order():
    weights = np.array([-np.inf, 0.0, -np.inf, -3.0, -np.inf])
    orders = {tuple(drawn_in_sequence(weights, 5, rng=np.random.default_rng(s)).tolist()) for s in range(40)}
    assert {order[:2] for order in orders} == {(1, 3), (3, 1)}
    assert {order[2] for order in orders} == {0, 2, 4}


def test_a_factor_of_all_weights_changes_nothing():
    one, two = (
        drawn_in_sequence(np.log(WEIGHTS) + shift, 4, rng=np.random.default_rng(1)) for shift in (0, 9)
    )
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize("length", [1, 2, 4])
def test_step_probabilities_are_shares_of_what_is_left(length):
    for order in permutations(range(4), length):
        steps = step_probabilities(np.log(WEIGHTS) + 700, np.array(order))  # a factor which overflows
        left = WEIGHTS.sum() - np.concatenate([[0], np.cumsum(WEIGHTS[list(order)])[:-1]])
        np.testing.assert_allclose(steps, WEIGHTS[list(order)] / left)
        assert steps.prod() == pytest.approx(probability(order))


def test_steps_among_weights_of_zero_are_even():
    weights = np.array([-np.inf, 0.0, -np.inf, -3.0, -np.inf])
    p = 1 / (1 + np.exp(-3))
    np.testing.assert_allclose(
        step_probabilities(weights, np.array([1, 3, 4, 0, 2])), [p, 1, 1 / 3, 1 / 2, 1]
    )
    np.testing.assert_allclose(step_probabilities(weights, np.array([1, 3, 4])), [p, 1, 1 / 3])


def test_a_small_weight_among_large_ones_keeps_its_digits():
    weights = np.array([0.0, -60.0, -61.0])
    found = step_probabilities(weights, np.array([0, 1, 2]))
    np.testing.assert_allclose(found, [1, 1 / (1 + np.exp(-1)), 1])


@pytest.mark.parametrize(
    ("weights", "budget", "what"),
    [
        ([0.0, np.nan], 1, "logarithms of weights"),
        ([0.0, np.inf], 1, "logarithms of weights"),
        ([0.0], 2, "budget is 2, must be from 0 to 1"),
        ([0.0], -1, "budget is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(weights, budget, what):
    with pytest.raises(ValueError, match=what):
        drawn_in_sequence(np.array(weights), budget, rng=np.random.default_rng(0))
