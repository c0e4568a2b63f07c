"""Random selection: uniform, without replacement, from its own stream."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from baselines.random import Random
from strategies.contract import TASKS
from strategies.interface import Pool


def pool_of(seed=0, count=20, labelled=(2, 3, 11)):
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:02d}" for n in range(count)),
        labelled=np.array(labelled),
        unlabelled=np.setdiff1d(np.arange(count), labelled),
        rows={},
        round=0,
        budget_left=count,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def draws(budget, count):
    pool = pool_of()
    return np.array([Random().select(pool, budget).indices for _ in range(count)])


def test_every_image_is_equally_likely_at_every_place():
    chosen = draws(3, 3400)
    for place in range(3):
        counts = np.bincount(chosen[:, place], minlength=20)[pool_of().unlabelled]
        assert chisquare(counts).pvalue > 1e-3


def test_all_pairs_are_equally_likely():
    pairs = np.sort(draws(2, 6800), axis=1) @ [20, 1]
    found, counts = np.unique(pairs, return_counts=True)
    assert len(found) == 17 * 16 // 2
    assert chisquare(counts).pvalue > 1e-3


def test_no_image_is_drawn_twice_and_none_that_is_labelled():
    for budget in (1, 10, 17):
        chosen = draws(budget, 50)
        assert all(len(set(row)) == budget for row in chosen)
        assert np.isin(chosen, pool_of().unlabelled).all()


def test_the_stream_decides_and_no_global_state():
    np.random.seed(0)  # noqa: NPY002
    first = Random().select(pool_of(5), 6).indices.tolist()
    np.random.seed(1)  # noqa: NPY002
    assert Random().select(pool_of(5), 6).indices.tolist() == first
    assert Random().select(pool_of(6), 6).indices.tolist() != first
    stream = np.random.default_rng(5)
    pool = replace(pool_of(), rng=stream)
    assert Random().select(pool, 6).indices.tolist() != Random().select(pool, 6).indices.tolist()


def test_further_draws_are_independent_and_the_first_is_the_plain_one():
    plain = Random().select(pool_of(count=200), 50).indices
    chosen = [Random(draw).select(pool_of(count=200), 50).indices for draw in (1, 2, 3)]
    assert chosen[0].tolist() == plain.tolist()
    overlaps = [len(np.intersect1d(chosen[a], chosen[b])) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert max(overlaps) < 25, overlaps  # by chance 50 * 50 / 197 = 13 of 50
    again = Random(3).select(pool_of(count=200), 50).indices
    assert again.tolist() == chosen[2].tolist()


def test_a_draw_is_chosen_uniformly_too():
    chosen = np.array([Random(2).select(pool_of(seed), 3).indices for seed in range(3400)])
    counts = np.bincount(chosen.ravel(), minlength=20)[pool_of().unlabelled]
    assert chisquare(counts).pvalue > 1e-3


def test_a_draw_counts_from_one():
    with pytest.raises(ValueError, match="draw must be at least 1"):
        Random(0)
