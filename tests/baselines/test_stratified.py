"""Proportional stratification: seats by definition, and every image as likely as by random selection."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baselines  # noqa: F401
from baselines import stratified
from baselines._feature_modifier import VECTOR
from baselines.stratified import seats_by_size
from strategies.choosing import choose
from strategies.contract import TASKS, Probe
from strategies.registry import RegistryError, resolve

NAMES = [task.name for task in TASKS]


def rows_of(vectors, scores=None):
    scores = np.zeros(len(vectors)) if scores is None else scores
    return {VECTOR: vectors, **dict.fromkeys(NAMES, scores)}


def picks(options, pool, budget):
    return choose(resolve(f"stratified[{options}]").create(), "stratified", pool, budget).indices


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any), st.data())
def test_seats_are_the_exact_share_rounded_up_or_down(sizes, data):
    sizes = np.array(sizes)
    budget = data.draw(st.integers(0, int(sizes.sum())))
    seats = seats_by_size(sizes, budget, np.random.default_rng(data.draw(st.integers(0, 10**6))))
    exact = budget * sizes / sizes.sum()
    assert seats.sum() == budget
    assert (np.abs(seats - exact) < 1).all()
    assert (seats <= sizes).all()


@pytest.mark.parametrize(("sizes", "budget"), [([1, 2, 7], 3), ([5, 5, 5, 1], 2), ([9, 90], 5), ([3, 4], 7)])
def test_seats_are_right_in_expectation(sizes, budget):
    rng = np.random.default_rng(0)
    mean = np.mean([seats_by_size(np.array(sizes), budget, rng) for _ in range(4000)], 0)
    exact = budget * np.array(sizes) / sum(sizes)
    assert (np.abs(mean - exact) < 0.04).all()  # a standard deviation is at most .5 / sqrt(4000) = .008


@pytest.mark.parametrize("labelled", [[], [0, 1, 2, 3, 4, 5, 12]])
@pytest.mark.parametrize("budget", [1, 4])
def test_random_within_strata_every_image_is_as_likely_as_by_random_selection(
    pool_of, blobs, labelled, budget, monkeypatch
):
    """Clusters of all sizes, most of the labelled images in one: no image is preferred for any of it."""
    vectors, which = blobs(11, 5, 3, 1)
    monkeypatch.setattr(stratified, "k_means", lambda vectors, strata, rng: (None, which))  # takes a while
    strategy, draws = resolve("stratified[within=random]").create(), 4000
    count, rng = np.zeros(len(vectors)), np.random.default_rng(0)
    for _ in range(draws):
        pool = replace(pool_of(rows_of(vectors), labelled), rng=rng)
        count[strategy.select(pool, budget).indices] += 1
    share = budget / len(pool.unlabelled)
    deviation = np.sqrt(draws * share * (1 - share))
    assert (count[labelled] == 0).all()
    assert (np.abs(count[pool.unlabelled] - draws * share) < 4.5 * deviation).all()


@given(st.data())
def test_probabilities_are_equal_whatever_the_strata_and_what_is_labelled(data):
    """Exactly, over every start and order that there is, from the seats that an image's stratum gets."""
    sizes = np.array(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    total = int(sizes.sum())
    budget = data.draw(st.integers(0, total))

    class Order:
        """A stream that gives one order and one start."""

        def __init__(self, start):
            self.start = start

        def permutation(self, count):
            return np.array(order)

        def integers(self, most):
            assert most == total
            return self.start

    order = data.draw(st.permutations(range(len(sizes))))
    seats = np.sum([seats_by_size(sizes, budget, Order(start)) for start in range(total)], 0)
    np.testing.assert_array_equal(seats, budget * sizes)  # a mean of budget * size / total each


def test_the_mix_of_clusters_stays_that_of_the_unlabelled_images(pool_of, blobs):
    vectors, which = blobs(60, 30, 10)
    scores = np.where(which == 2, 5.0, 0) + np.random.default_rng(0).random(100)
    pool = pool_of(rows_of(vectors, scores))
    chosen = picks("base=inconsistency,strata=3", pool, 10)
    assert np.bincount(which[chosen]).tolist() == [6, 3, 1]
    plain = resolve("inconsistency").create().select(pool, 10).indices
    assert set(which[plain]) == {2}  # which would have taken one cluster alone


def test_the_base_chooses_within_each_stratum(pool_of, blobs):
    vectors, which = blobs(8, 4)
    scores = np.random.default_rng(1).random(12)
    chosen = picks("base=inconsistency,strata=2", pool_of(rows_of(vectors, scores)), 6)
    wanted = [np.flatnonzero(which == at)[np.argsort(-scores[which == at])[:n]] for at, n in ((0, 4), (1, 2))]
    assert sorted(chosen) == sorted(np.concatenate(wanted))


def test_a_labelled_image_costs_no_seat(pool_of, blobs):
    """Where cluster-random makes up for it."""
    vectors, which = blobs(12, 12)
    pool = pool_of(rows_of(vectors), [0, 1, 2, 3])
    chosen = picks("within=random,strata=2", pool, 5)
    assert np.bincount(which[chosen]).tolist() == [2, 3]  # 8 and 12 of 20 unlabelled
    random = resolve("cluster-random[strata=2]").create()
    shares = random.select(pool_of({"vector": vectors}, [0, 1, 2, 3]), 6).indices
    assert np.bincount(which[shares]).tolist() == [1, 5]


def test_the_centre_of_a_cluster_or_those_of_its_parts(pool_of):
    corners = np.array([[0.0, 0], [0, 2], [30, 0], [30, 2]])
    around = np.array([[0.0, 0], [0.3, 0], [-0.3, 0], [0, 0.3], [0, -0.3]])
    vectors = (corners[:, None] + around).reshape(-1, 2).astype(np.float32)
    chosen = picks("within=centre,strata=4", pool_of(rows_of(vectors)), 4)
    assert sorted(chosen) == [0, 5, 10, 15]
    parts = picks("within=centre,strata=2", pool_of(rows_of(vectors)), 4)
    assert sorted(parts) == [0, 5, 10, 15]


def test_what_is_not_read_is_not_measured():
    for within in ("random", "centre"):
        named = resolve(f"stratified[base=entropy,within={within}]")
        strategy, probe = named.create(), Probe(named)
        assert strategy.views == ()
        assert set(probe.pool().rows) == {VECTOR}
        assert probe.choose(probe.pool()).scores is None
        assert strategy.companion(None) is None
        strategy.check(TASKS[2:3])
        resolve(f"stratified[base=margin,within={within}]").create().check(TASKS[2:3])
    assert resolve("stratified[base=entropy]").create().views == ("flip",)


def test_scores_and_loss_weights_are_those_of_the_base():
    probe = Probe(resolve("stratified[base=entropy]"))
    expected = Probe(resolve("entropy"))
    np.testing.assert_array_equal(probe.choose(probe.pool()).scores, expected.choose(probe.pool()).scores)


def test_what_cannot_be_is_refused():
    with pytest.raises(RegistryError, match="strata must be at least 1, not 0"):
        resolve("stratified[strata=0]").create()
    with pytest.raises(RegistryError, match="within must be random or score or centre"):
        resolve("stratified[within=best]")
