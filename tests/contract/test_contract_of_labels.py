"""What the clauses on prices notice, and that wrappers of whole images refuse who buys label by label."""

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies.clauses import broken
from strategies.contract_of_labels import (
    buys_labels_for_the_price,
    comes_back_for_other_labels_of_an_image,
    leaves_what_it_cannot_pay,
    takes_whole_images_for_what_they_are,
)
from strategies.interface import Selection, Strategy
from strategies.labels_bought import bought_in_order, missing_pairs
from strategies.probe import Probe
from strategies.registry import Entry, Named, RegistryError, resolve


class Cheat(Strategy):
    """Breaks one clause on purpose."""

    partial = True


class TooMuch(Cheat):
    def select(self, pool, budget):
        return Selection(pool.unlabelled)


class Again(Cheat):
    def select(self, pool, budget):
        mask = np.zeros((1, len(pool.tasks)), bool)
        mask[0, int(pool.bought[pool.unlabelled[0]].argmax())] = True
        return Selection(pool.unlabelled[:1], tasks=mask)


class Anyway(Cheat):
    """Always the cheapest label, whatever is to be had."""

    def select(self, pool, budget):
        mask = np.zeros((1, len(pool.tasks)), bool)
        mask[0, int(pool.costs[pool.unlabelled[0]].argmin())] = True
        return Selection(pool.unlabelled[:1], tasks=mask)


class ByMask(Cheat):
    """Chooses otherwise where there is a mask."""

    def select(self, pool, budget):
        pairs = missing_pairs(pool)
        order = np.arange(len(pairs.images))
        return bought_in_order(pool, pairs.at(order if pool.mask is None else order[::-1]))


def broken_by(cheat, clause):
    return broken(clause, Probe(Named("cheat", Entry("cheat", cheat, {}, "", "", ""), {})), ())


@pytest.mark.parametrize(
    ("cheat", "clause", "word"),
    [
        (TooMuch, buys_labels_for_the_price, "and the budget is"),
        (Again, buys_labels_for_the_price, "budget is 0.3|bought already"),
        (Anyway, leaves_what_it_cannot_pay, "the budget is"),
        (Again, comes_back_for_other_labels_of_an_image, "bought already"),
        (ByMask, takes_whole_images_for_what_they_are, "a mask of whole images changed the choice"),
    ],
)
def test_a_clause_notices_what_it_is_for(cheat, clause, word):
    reason = broken_by(cheat, clause)
    assert reason is not None
    assert any(part in reason for part in word.split("|"))


@pytest.mark.parametrize(
    "name",
    ["subsample[base=random-pairs]", "subsample[base=partial]", "ensemble[bases=random-pairs+random]"],
)
def test_who_asks_for_whole_images_refuses_a_base_that_buys_labels(name):
    with pytest.raises((ValueError, RegistryError), match="buys labels by themselves"):
        resolve(name).create()
