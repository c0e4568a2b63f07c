"""The control by groups: how many groups its choices hold, counted by hand, and that it must be told them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines  # noqa: F401
from strategies.choosing import choose
from strategies.interface import Known
from strategies.registry import RegistryError, resolve


def chosen(pool, groups, budget, order="spread", seed=0):
    """Positions that are chosen of a pool with these groups."""
    pool = replace(pool, known=Known(np.asarray(groups)), rng=np.random.default_rng(seed))
    return choose(resolve(f"known-groups[order={order}]").create(), "known-groups", pool, budget).indices


def pool_with(pool_of, count, labelled=()):
    return pool_of(np.zeros((count, 2)), labelled)


def test_spread_takes_one_of_every_group_before_a_second(pool_of):
    groups = np.repeat(np.arange(6), 5)
    picks = chosen(pool_with(pool_of, 30), groups, 14)
    for start in (0, 6):
        assert sorted(groups[picks[start : start + 6]]) == list(range(6))
    assert len(set(groups[picks[12:]])) == 2


def test_spread_counts_what_is_labelled(pool_of):
    groups = np.repeat(np.arange(4), 5)
    picks = chosen(pool_with(pool_of, 20, labelled=[0, 1, 5]), groups, 6)
    assert sorted(groups[picks[:2]]) == [2, 3]  # none is labelled there
    assert sorted(groups[picks[2:5]]) == [1, 2, 3]  # one is
    assert groups[picks[5]] in (0, 1, 2, 3)  # and now two are, everywhere


def test_packed_ends_a_group_that_was_begun_before_another(pool_of):
    groups = np.repeat(np.arange(4), 5)
    picks = chosen(pool_with(pool_of, 20, labelled=[0, 5, 6]), groups, 12, "packed")
    assert set(groups[picks[:3]]) == {1}
    assert set(groups[picks[3:7]]) == {0}
    assert len(set(groups[picks[7:]])) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it makes a new pool each time
@given(st.lists(st.integers(0, 7), min_size=8, max_size=40), st.data())
def test_no_choice_holds_more_groups_than_spread_or_fewer_than_packed(pool_of, groups, data):
    groups, count = np.array(groups), len(groups)
    labelled = data.draw(st.lists(st.integers(0, count - 1), max_size=count - 2, unique=True))
    budget = data.draw(st.integers(1, count - len(labelled)))
    pool = pool_with(pool_of, count, labelled)
    there, sizes = set(groups[labelled].tolist()), np.bincount(groups[pool.unlabelled], minlength=8)
    held = {
        o: len(there | set(groups[chosen(pool, groups, budget, o)].tolist())) for o in ("spread", "packed")
    }
    new = sum(size > 0 for at, size in enumerate(sizes) if at not in there)
    assert held["spread"] == len(there) + min(new, budget)
    assert held["packed"] <= held["spread"]
    begun = sum(size for at, size in enumerate(sizes) if at in there)
    if budget <= begun:
        assert held["packed"] == len(there)


@pytest.mark.parametrize("order", ["spread", "packed"])
def test_which_images_is_chance(pool_of, order):
    pool, groups = pool_with(pool_of, 20), np.repeat(np.arange(4), 5)
    assert len({tuple(chosen(pool, groups, 3, order, seed)) for seed in range(8)}) > 4


def test_without_groups_it_says_so(pool_of):
    with pytest.raises(ValueError, match="known-groups needs groups of the pool's images"):
        resolve("known-groups").create().select(pool_with(pool_of, 5), 2)


def test_another_order_is_refused():
    with pytest.raises(RegistryError, match="spread"):
        resolve("known-groups[order=far]").create()
