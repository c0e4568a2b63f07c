"""Random within clusters: shares by the definition, and every image of a cluster equally likely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.cluster_random import ClusterRandom, proportional_shares
from strategies.choosing import choose


def shares_of(sizes, drawn, budget, seed=0):
    rng = np.random.default_rng(seed)
    return proportional_shares(np.array(sizes), np.array(drawn), budget, rng).tolist()


@pytest.mark.parametrize(
    ("drawn", "shares"),
    [
        ([0, 0, 0], [5, 3, 2]),
        ([10, 0, 0], [0, 6, 4]),  # what it has is its share of 20
        ([15, 0, 0], [0, 6, 4]),  # more than its share: the others divide all ten
        ([2, 6, 0], [7, 0, 3]),  # 18 in all: 9, 5.4 and 3.6; without the second 8.57 and 3.43 of 12
    ],
)
def test_shares_are_proportional_to_sizes_with_what_was_drawn(drawn, shares):
    assert shares_of([50, 30, 20], drawn, 10) == shares


def test_remainders_that_are_equal_go_to_any():
    assert {tuple(shares_of([10, 10, 10], [0, 0, 0], 4, seed)) for seed in range(30)} == {
        (2, 1, 1),
        (1, 2, 1),
        (1, 1, 2),
    }


@given(st.data())
def test_shares_fit_and_are_the_level_rounded(data):
    sizes = np.array(data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=8)))
    drawn = np.array([data.draw(st.integers(0, size)) for size in sizes.tolist()])
    budget = data.draw(st.integers(0, int((sizes - drawn).sum())))
    shares = np.array(shares_of(sizes, drawn, budget))
    assert shares.sum() == budget
    assert ((shares >= 0) & (shares <= sizes - drawn)).all()
    low, high = 0.0, 1.0  # the share of every cluster that is labelled in the end, by bisection
    for _ in range(60):
        level = (low + high) / 2
        low, high = (low, level) if np.maximum(level * sizes - drawn, 0).sum() > budget else (level, high)
    assert (np.abs(shares - np.maximum(high * sizes - drawn, 0)) < 1 + 1e-9).all()


def test_clusters_are_drawn_from_by_their_size(pool_of, blobs):
    vectors, which = blobs(60, 30, 10)
    chosen = choose(ClusterRandom(strata=3), "cluster-random", pool_of(vectors, [0, 1, 2]), 7).indices
    assert np.bincount(which[chosen]).tolist() == [3, 3, 1]


def test_every_image_of_a_cluster_is_equally_likely_and_in_any_place(pool_of, blobs):
    vectors, _ = blobs(8, 4)
    draws = np.array(
        [ClusterRandom(strata=2).select(pool_of(vectors, seed=s), 3).indices for s in range(160)]
    )
    counts = np.bincount(draws.ravel(), minlength=12)
    assert (np.abs(counts - 40) < 22).all()  # 160 draws at 1/4: a standard deviation is 5.5
    assert (np.abs((draws >= 8).mean(0) - 1 / 3) < 0.15).all()  # the smaller cluster at each place


def test_no_strata_are_refused():
    with pytest.raises(ValueError, match="strata must be at least 1, not 0"):
        ClusterRandom(strata=0)
