"""LURE: the weighted mean is unbiased, over every sequence of draws and over draws of the strategies."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies.choosing import choose
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Draws, Pool
from strategies.lure import lure_weights
from strategies.registry import RegistryError, resolve

LOSSES = np.array([0.1, 2.0, 0.7, 5.0, 1.1, 0.4])
SCORES = np.array([0.2, 0.9, 0.4, 1.0, 0.7, 0.1])  # follows the losses: what is chosen loses more
POOL = len(LOSSES)


def weighted_mean(order, probabilities):
    labelled = len(order)
    weights = lure_weights(Draws(probabilities, POOL - np.arange(labelled), POOL - labelled))
    return float((weights * LOSSES[list(order)]).sum() / labelled)


def sequential(order, first):
    """Probabilities of an order: ``first`` images uniformly, the others by score among those left."""
    left, probabilities = list(range(POOL)), []
    for at, image in enumerate(order):
        mass = np.ones(len(left)) if at < first else SCORES[left] ** (1 + at)  # other ones in every step
        probabilities.append(mass[left.index(image)] / mass.sum())
        left.remove(image)
    return np.array(probabilities)


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("labelled", [1, 3, 5, 6])
def test_over_all_orders_the_mean_is_that_of_the_pool(labelled, first):
    expected = plain = total = 0.0
    for order in permutations(range(POOL), labelled):
        probabilities = sequential(order, first)
        chance = probabilities.prod()
        expected += chance * weighted_mean(order, probabilities)
        plain += chance * LOSSES[list(order)].mean()
        total += chance
    assert total == pytest.approx(1)
    assert expected == pytest.approx(LOSSES.mean())
    if first < labelled < POOL:
        assert plain > LOSSES.mean() + 0.05, "without weights it is not"


def test_weights_are_the_formula_s():
    probabilities = np.array([0.5, 0.1, 0.3])
    found = lure_weights(Draws(probabilities, np.array([10, 9, 8]), 6))
    pool, labelled = 11, 5
    expected = [
        1 + (pool - labelled) / (pool - m) * (1 / ((pool - m + 1) * q) - 1)
        for m, q in zip((2, 3, 4), probabilities, strict=True)
    ]
    np.testing.assert_allclose(found, expected)


def test_uniform_draws_and_whole_pools_weigh_one():
    left = np.array([9, 8, 7])
    np.testing.assert_allclose(lure_weights(Draws(1 / left, left, 5)), 1)
    left = np.array([3, 2, 1])
    np.testing.assert_allclose(lure_weights(Draws(np.array([0.9, 0.2, 1.0]), left, 0)), 1)


def pool_of(rows, seed):
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n}" for n in range(POOL)),
        labelled=np.arange(0),
        unlabelled=np.arange(POOL),
        rows=rows,
        round=0,
        budget_left=POOL,
        costs=np.full((POOL, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def estimates(strategy, rows, budget, times):
    """What the weighted and the plain mean of the labelled images say, again and again."""
    weighted, plain = [], []
    for seed in range(times):
        selection = choose(strategy, "it", pool_of(rows, seed), budget)
        weighted.append(weighted_mean(selection.indices, selection.probabilities))
        plain.append(LOSSES[selection.indices].mean())
    return np.array(weighted), np.array(plain)


@pytest.mark.parametrize("name", ["softmax[beta=2,weighting=lure]", "soft-rank[weighting=lure]"])
def test_draws_of_noisy_scores_are_unbiased_with_the_weights_that_it_gives(name):
    strategy = resolve(name).create()
    weighted, plain = estimates(strategy, {"depth": SCORES}, 3, 1000)
    error = weighted.std() / np.sqrt(len(weighted))
    assert abs(weighted.mean() - LOSSES.mean()) < 4 * error
    assert plain.mean() - LOSSES.mean() > 6 * error


def test_draws_of_the_method_are_unbiased_too():
    named = resolve("consistency-diversity[representation=concat,select=draw,weighting=lure]")
    rows = Probe(named).pool(made_up_outputs(images=POOL), labelled=0).rows
    rows = {
        name: SCORES if name in {task.name for task in TASKS} else values for name, values in rows.items()
    }
    weighted, plain = estimates(named.create(), rows, 3, 800)
    error = weighted.std() / np.sqrt(len(weighted))
    assert abs(weighted.mean() - LOSSES.mean()) < 4 * error
    assert plain.mean() - LOSSES.mean() > 6 * error


@pytest.mark.parametrize(
    "name", ["softmax", "consistency-diversity[representation=concat,select=draw]", "random"]
)
def test_probabilities_are_told_where_weights_want_them_alone(name):
    """What is stored of a round is what it was before there were any."""
    probe = Probe(resolve(name))
    assert probe.choose(probe.pool()).probabilities is None
    assert probe.named.create().draw_weights(Draws(np.ones(1), np.ones(1, np.int64), 3)) is None


@pytest.mark.parametrize(
    ("plain", "lure"),
    [("power", "power[weighting=lure]"), ("soft-rank[beta=2]", "soft-rank[beta=2,weighting=lure]")],
)
def test_weights_change_no_choice(plain, lure):
    one, two = (Probe(resolve(name)) for name in (plain, lure))
    assert one.choose(one.pool()).indices.tolist() == two.choose(two.pool()).indices.tolist()


def test_random_selection_by_the_method_is_even():
    probe = Probe(resolve("consistency-diversity[representation=concat,select=random,weighting=lure]"))
    pool = probe.pool()
    selection = probe.choose(pool, 3)
    np.testing.assert_allclose(selection.probabilities, [1 / 20, 1 / 19, 1 / 18])


@pytest.mark.parametrize("select", ["product", "filter", "cover"])
def test_a_choice_without_probabilities_has_no_weights_of_draws(select):
    with pytest.raises(
        RegistryError, match=f"needs a choice by lot, select=draw or random, and {select} has"
    ):
        resolve(f"consistency-diversity[select={select},weighting=lure]").create()


def test_the_probability_of_a_choice_is_not_that_of_its_place_in_the_pool():
    """The pool in another order: the same images with the same probabilities."""
    probe = Probe(resolve("softmax[weighting=lure]"))
    pool = probe.pool()
    shuffled = replace(
        pool.at(np.random.default_rng(1).permutation(len(pool.ids))), rng=np.random.default_rng(0)
    )
    one, two = probe.choose(replace(pool, rng=np.random.default_rng(0))), probe.choose(shuffled)
    assert [pool.ids[i] for i in one.indices] == [shuffled.ids[i] for i in two.indices]
    np.testing.assert_allclose(one.probabilities, two.probabilities)
