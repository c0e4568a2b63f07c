"""The part of the contract that is kept by strategies that buy labels by themselves; others keep it idly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from strategies.interface import Labels, Pool, Selection
from strategies.probe import IMAGES, LABELLED, Probe

#: Prices of the probe's tasks: alike, one that costs a thousand times another, one that costs nearly all.
PRICES = ((1, 1, 1, 1), (1000, 1, 30, 1), (1, 1, 1e6, 1))


def buys_labels_for_the_price(probe: Probe) -> None:
    """Labels that are missing, each once, for no more than the budget, whatever they cost."""
    for pool in _pools(probe):
        for budget in (0.3, 1.0, 5.0, float(IMAGES)):
            _choose(probe, replace(pool, budget=budget))


def leaves_what_it_cannot_pay(probe: Probe) -> None:
    """A remainder that pays some labels buys these alone, and one that pays none buys nothing."""
    for pool in _pools(probe):
        cheapest = float(pool.costs.min())
        tasks = np.flatnonzero(pool.costs[0] <= cheapest * (1 + 1e-9))
        some = _choose(probe, replace(pool, budget=1.5 * cheapest))
        bought = np.zeros(0, np.int64) if some is None else np.flatnonzero(_wanted(some, pool).any(0))
        assert np.isin(bought, tasks).all(), "it bought labels that the budget does not pay"
        nothing = _choose(probe, replace(pool, budget=0.5 * cheapest))
        assert nothing is None or not len(nothing.indices), "it bought labels for a budget that pays none"


def comes_back_for_other_labels_of_an_image(probe: Probe) -> None:
    """Where every image has all labels but one, that one is all that is bought."""
    for task in range(4):
        mask = np.ones((IMAGES, 4), np.bool_)
        mask[:, task] = False
        chosen = _choose(probe, replace(_with(probe.pool(), mask), budget=1.0))
        if chosen is not None and len(chosen.indices):
            assert not _wanted(chosen, _with(probe.pool(), mask))[:, mask.any(0)].any()


def takes_whole_images_for_what_they_are(probe: Probe) -> None:
    """A mask in which all images are whole changes nothing."""
    pool = probe.pool()
    one = _choose(probe, replace(pool, budget=2.0))
    two = _choose(probe, replace(probe.pool(), budget=2.0, mask=pool.bought))
    if one is not None and two is not None:
        assert list(one.indices) == list(two.indices), "a mask of whole images changed the choice"
        same = np.array_equal(_wanted(one, pool), _wanted(two, pool))
        assert same, "a mask of whole images changed which labels are bought"


def _choose(probe: Probe, pool: Pool) -> Selection | None:
    """A checked selection of a fresh instance, if it buys labels by themselves."""
    strategy = probe.named.create()
    return probe.spend(pool, strategy) if strategy.partial else None


def _wanted(selection: Selection, pool: Pool) -> Labels:
    """The labels that a selection buys (its images x tasks)."""
    missing: Labels = ~pool.bought[selection.indices]
    return missing if selection.tasks is None else selection.tasks


def _pools(probe: Probe) -> Iterator[Pool]:
    """Of whole images, and of images that have some labels, none in order, for all prices."""
    if not probe.named.create().partial:
        return
    some = np.random.default_rng(0).random((IMAGES, 4)) < 0.4
    some[:LABELLED] = True
    for pool in (probe.pool(), _with(probe.pool(), some)):
        for prices in PRICES:
            each = np.array(prices, np.float64)
            yield replace(pool, costs=np.tile(each / each.sum(), (IMAGES, 1)))


def _with(pool: Pool, mask: Labels) -> Pool:
    whole = mask.all(1)
    return replace(pool, mask=mask, labelled=np.flatnonzero(whole), unlabelled=np.flatnonzero(~whole))


LABEL_CLAUSES: tuple[Callable[[Probe], None], ...] = (
    buys_labels_for_the_price,
    leaves_what_it_cannot_pay,
    comes_back_for_other_labels_of_an_image,
    takes_whole_images_for_what_they_are,
)
