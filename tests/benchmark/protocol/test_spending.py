"""What whole images of unequal prices are bought for a budget, whatever a strategy likes."""

from dataclasses import replace

import numpy as np
import pytest
from label_pools import label_pool

from benchmark.protocol.labels.spending import bought, prices_of
from strategies.contract import TASKS
from strategies.interface import Selection, Strategy

COUNT, BUDGETS = 200, (30.0, 60.0, 120.0)


class ByPrice(Strategy):
    """Images in the order of their prices times a sign; what is nought is the order of the random stream."""

    def __init__(self, sign):
        self.sign, self.asked = sign, []

    def select(self, pool, budget):
        self.asked.append(budget)
        order = pool.rng.permutation(pool.unlabelled)
        cheapest = order[np.argsort(self.sign * prices_of(pool, order), kind="stable")]
        return Selection(cheapest[:budget], scores=pool.costs, probabilities=np.full(budget, 0.5))


def priced(budget, spread=1.0, mask=None):
    mask = np.zeros((COUNT, len(TASKS)), bool) if mask is None else mask
    pool = label_pool(TASKS, mask, np.full(len(TASKS), 1 / len(TASKS)), budget)
    each = np.random.default_rng(0).lognormal(0, spread, COUNT)
    return replace(pool, costs=pool.costs * (each / each.mean())[:, None])


@pytest.mark.parametrize("sign", [1, 0, -1], ids=["cheap", "any", "dear"])
@pytest.mark.parametrize("budget", BUDGETS)
def test_who_likes_cheap_images_spends_as_much_as_any(sign, budget):
    pool, strategy = priced(budget), ByPrice(sign)
    chosen = bought(strategy, "by price", pool)
    spent = prices_of(pool, chosen.indices).sum()
    assert len(np.unique(chosen.indices)) == len(chosen.indices)
    left = np.setdiff1d(np.arange(COUNT), chosen.indices)
    assert budget - 2 * prices_of(pool, left).mean() < spent <= budget + 1e-9
    assert chosen.scores.shape == (COUNT, len(TASKS))


def test_who_likes_cheap_images_gets_the_cheapest():
    pool = priced(30.0)
    chosen = bought(ByPrice(1), "by price", pool).indices
    assert chosen.tolist() == np.argsort(prices_of(pool, np.arange(COUNT)))[: len(chosen)].tolist()


def test_at_one_price_it_is_asked_once_and_what_it_says_is_kept():
    pool, strategy = priced(30.0, spread=0.0), ByPrice(0)
    chosen = bought(strategy, "any", pool)
    assert strategy.asked == [30]
    assert len(chosen.indices) == len(chosen.probabilities) == 30


def test_images_that_have_some_labels_are_completed_until_the_budget_is_spent():
    mask = np.zeros((COUNT, len(TASKS)), bool)
    mask[:100, 1:] = True
    pool = priced(30.0, spread=0.0, mask=mask)
    chosen = bought(ByPrice(1), "cheap", pool)
    assert sorted(chosen.indices[:100]) == list(range(100))  # a label each, so a quarter
    assert prices_of(pool, chosen.indices).sum() == pytest.approx(30)
