"""Strategies that buy label by label: what each of them buys for which price."""

import numpy as np
import pytest
from label_pools import label_pool

from baselines.partial import Partial
from baselines.random_labels import OneTask, RandomPairs, RandomSplit
from strategies.choosing import choose
from strategies.contract import TASKS

COUNT = 60
NAMES = [task.name for task in TASKS]
PRICES = np.array([0.5, 0.25, 0.15, 0.1])


def priced(rows=None, budget=5.0, mask=None, seed=0, prices=PRICES):
    mask = np.zeros((COUNT, 4), bool) if mask is None else mask
    return label_pool(TASKS, mask, prices, budget, rows, seed)


def bought(strategy, pool):
    """Labels by task, and their price."""
    chosen = choose(strategy, "x", pool, 0)
    mask = np.zeros((COUNT, 4), bool)
    mask[chosen.indices] = chosen.tasks
    return mask, float((pool.costs * mask).sum())


def scores(seed=0):
    rng = np.random.default_rng(seed)
    return {name: 10.0**place * rng.random(COUNT) for place, name in enumerate(NAMES)}


def test_partial_buys_the_highest_percentile_over_price():
    rows = scores()
    mask, price = bought(Partial("inconsistency"), priced(rows))
    assert 5 - 0.1 < price <= 5 + 1e-9
    order = {name: np.argsort(np.argsort(rows[name])) / (COUNT - 1) for name in NAMES}
    worth = np.stack([order[name] for name in NAMES], 1) / PRICES
    # Nothing that was left is worth more than what was bought, but what no longer was paid.
    left = worth[~mask & (np.tile(PRICES, (COUNT, 1)) <= 0.1 + 1e-9)]
    assert worth[mask].min() >= left.max(initial=0) - 1e-12
    assert mask[:, 3].sum() > mask[:, 0].sum()


def test_partial_draws_labels_of_a_task_without_a_score():
    """Least confidence has a score for classes and yes or no alone; at one price all are bought alike."""
    rows = {name: scores()[name] for name in ("semseg", "saliency")}
    drawn = [
        bought(Partial("least-confidence"), priced(rows, budget=20.0, prices=np.full(4, 0.25), seed=seed))[0]
        for seed in range(40)
    ]
    counts = np.sum(drawn, 0)
    assert counts.sum(0).max() < 1.15 * counts.sum(0).min()
    scored, others = (list(map(NAMES.index, names)) for names in (rows, {*NAMES} - {*rows}))
    top = {place: np.argsort(-rows[NAMES[place]])[:12] for place in scored}
    assert all(counts[top[place], place].min() == 40 for place in scored)
    assert counts[:, others].max() < 30  # none is preferred


def test_random_pairs_take_labels_of_all_tasks_alike():
    counts = sum(bought(RandomPairs(), priced(seed=seed))[0].sum(0) for seed in range(40))
    assert counts.max() < 1.25 * counts.min()


def test_random_split_spends_as_much_on_every_task():
    for seed in range(5):
        mask, price = bought(RandomSplit(), priced(seed=seed, budget=20.0))
        spent = mask.sum(0) * PRICES
        assert np.abs(spent - 5).max() <= 0.5 + 1e-9
        assert 20 - 0.1 < price <= 20 + 1e-9


def test_random_split_gives_others_what_a_task_leaves():
    mask = np.zeros((COUNT, 4), bool)
    mask[:, 3] = True
    got, price = bought(RandomSplit(), priced(mask=mask, budget=8.0))
    assert not got[:, 3].any()
    assert price > 8 - 0.15


@pytest.mark.parametrize(("task", "place"), [("depth", 2), ("", 0)])
def test_one_task_buys_its_labels_alone(task, place):
    mask, _ = bought(OneTask(task), priced(budget=4.0))
    assert set(np.flatnonzero(mask.any(0))) == {place}
    assert mask.sum() == int(4.0 / PRICES[place] + 1e-9)


def test_one_task_buys_nothing_when_all_its_labels_are_there():
    mask = np.zeros((COUNT, 4), bool)
    mask[:, 2] = True
    got, price = bought(OneTask("depth"), priced(mask=mask))
    assert price == got.sum() == 0


def test_a_task_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="task=parts: there is no such task; there is: semseg"):
        OneTask("parts").check(TASKS)
