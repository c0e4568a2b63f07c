"""Buying labels one after the other: what is paid, in which order, and how they become a selection."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from strategies.labels_bought import (
    Pairs,
    affordable,
    bought_in_order,
    missing_pairs,
    paid_in_order,
    percentiles,
)

PRICES = st.lists(st.floats(1e-3, 1e3), max_size=30).map(np.array)
BUDGET = st.floats(0, 2e3)


@given(PRICES, BUDGET)
def test_going_down_a_list_each_label_is_bought_that_what_is_left_pays(prices, budget):
    """Written out, one after the other."""
    left, expected = budget, []
    for place, price in enumerate(prices):
        if price <= left + 1e-9 * max(1, left):
            expected.append(place)
            left -= price
    assert paid_in_order(prices, budget).tolist() == expected


@given(PRICES, BUDGET)
def test_what_is_bought_is_within_the_budget_and_nothing_more_is_paid(prices, budget):
    paid = paid_in_order(prices, budget)
    spent = prices[paid].sum() if len(paid) else 0.0
    assert affordable(spent, budget) or spent - budget < 1e-6
    others = np.delete(prices, paid)
    assert all(budget - spent < price + 1e-6 for price in others)


def test_equal_prices_that_add_up_to_the_budget_are_all_paid():
    for tasks in range(1, 12):
        prices = np.full(10 * tasks, 1 / tasks)
        assert len(paid_in_order(prices, 7.0)) == 7 * tasks
        assert len(paid_in_order(prices.reshape(10, tasks).sum(1), 7.0)) == 7


def test_a_selection_has_images_in_the_order_of_their_first_label(labels_pool):
    pool = labels_pool(count=5, tasks=3, budget=5 / 3)
    pairs = Pairs(np.array([3, 1, 3, 0, 1, 2]), np.array([2, 0, 0, 1, 1, 2]))
    chosen = bought_in_order(pool, pairs)
    assert chosen.indices.tolist() == [3, 1, 0]
    assert chosen.tasks.tolist() == [[True, False, True], [True, True, False], [False, True, False]]


def test_missing_labels_are_those_that_were_not_bought(labels_pool):
    mask = np.array([[True, True], [True, False], [False, False]])
    pairs = missing_pairs(labels_pool(count=3, tasks=2, mask=mask))
    assert list(zip(pairs.images.tolist(), pairs.tasks.tolist(), strict=True)) == [(1, 1), (2, 0), (2, 1)]


@given(st.integers(0, 1000))
def test_percentiles_are_among_the_labels_of_a_task_that_are_missing(seed):
    rng = np.random.default_rng(seed)
    scores, bought = rng.integers(0, 5, (9, 3)).astype(float), rng.random((9, 3)) < 0.4
    found = percentiles(scores, bought)
    for task in range(3):
        missing = np.flatnonzero(~bought[:, task])
        for image in range(9):
            below = (scores[missing, task] < scores[image, task]).sum()
            same = (scores[missing, task] == scores[image, task]).sum() - 1
            share = (below + same / 2) / (len(missing) - 1) if len(missing) > 1 else 0.5
            assert np.isclose(found[image, task], 0 if bought[image, task] else share)
