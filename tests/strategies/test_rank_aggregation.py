"""What several tasks want, brought together: against definitions worked out the long way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from strategies import rank_aggregation
from strategies.rank_aggregation import (
    maximum_rank,
    mean_rank,
    minimum_rank,
    pareto,
    reciprocal_rank_fusion,
    round_robin,
)

ALL = (mean_rank, maximum_rank, minimum_rank, pareto, reciprocal_rank_fusion, round_robin)
# Image 0 is best for one task and worst for the other, 1 the other way round, 2 good for both.
TORN = np.array([[9.0, 0.0], [0.0, 900.0], [7.0, 700.0], [3.0, 300.0], [1.0, 100.0]])


def rng(seed=0):
    return np.random.default_rng(seed)


def random_scores(seed, images=12, tasks=3, values=4):
    return rng(seed).integers(0, values, (images, tasks)).astype(float)


def dominates(one, other):
    return (one >= other).all() and (one > other).any()


def fronts(scores):
    left = set(range(len(scores)))
    while left:
        front = {i for i in left if not any(dominates(scores[j], scores[i]) for j in left)}
        yield front
        left -= front


def test_the_maximum_buys_what_one_task_wants_and_the_minimum_what_all_want():
    assert set(maximum_rank(TORN, 2, rng())) == {0, 1}
    assert minimum_rank(TORN, 1, rng()).tolist() == [2]
    assert mean_rank(TORN, 1, rng()).tolist() == [2]


def test_fusion_adds_the_reciprocals_of_places():
    fused = (1 / (60 + rankdata(-TORN, axis=0))).sum(1)
    chosen = reciprocal_rank_fusion(TORN, 5, rng())
    np.testing.assert_array_equal(fused[chosen], np.sort(fused)[::-1])
    assert chosen[0] == 2  # 2/62 is more than 1/61 + 1/65


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_pareto_takes_whole_fronts_before_the_next(seed, budget):
    scores = random_scores(seed)
    chosen, missing = set(pareto(scores, budget, rng(seed)).tolist()), budget
    for front in fronts(scores):
        assert len(chosen & front) == min(missing, len(front))
        missing -= min(missing, len(front))


def peeled(scores, budget, stream):
    """Front after front by its definition, each in order of falling mean rank, ties by the stream."""
    rank = (rankdata(scores, axis=0) - 1) / (len(scores) - 1)
    order = np.lexsort((stream.random(len(scores)), -rank.mean(1)))
    chosen = [image for front in fronts(scores) for image in order if image in front]
    return chosen[:budget]


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 30))
def test_pareto_is_peeling_by_its_definition(seed, budget, values):
    scores = random_scores(seed, images=40, values=values)
    assert pareto(scores, budget, rng(seed)).tolist() == peeled(scores, budget, rng(seed))


@pytest.mark.parametrize("kind", ["aligned", "opposed", "independent", "equal"])
def test_pareto_looks_at_no_more_than_it_must(kind, monkeypatch):
    """Comparisons of an image with a front: by halving, and none once the budget is settled."""
    one, looks = rng(1).random(5000), []
    scores = {
        "aligned": np.stack([one, one, one], 1),
        "opposed": np.stack([one, -one], 1),
        "independent": rng(2).random((5000, 5)),
        "equal": np.ones((5000, 2)),
    }[kind]
    dominates = rank_aggregation._Front.dominates
    monkeypatch.setattr(rank_aggregation._Front, "dominates", lambda *a: looks.append(1) or dominates(*a))
    pareto(scores, 200, rng())
    assert len(looks) < {"aligned": 5000 + 8 * 200, "independent": 9 * 5000}.get(kind, 200)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_in_a_round_robin_no_task_has_more_turns_than_another_and_none_is_passed_over(seed, budget):
    scores = random_scores(seed, values=1000)
    chosen = round_robin(scores, budget, rng(seed)).tolist()
    for turn in range(0, budget - 2, 3):
        left = [i for i in range(len(scores)) if i not in chosen[:turn]]
        wanted = {left[scores[left, task].argmax()] for task in range(3)}
        assert wanted & set(chosen[turn : turn + 3])


def test_turns_are_shared_by_images_that_tasks_want_alone():
    scores = np.eye(3)
    assert sorted(round_robin(scores, 3, rng()).tolist()) == [0, 1, 2]


@pytest.mark.parametrize("aggregate", ALL)
@given(seed=st.integers(0, 10**6), budget=st.integers(1, 12))
def test_all_give_a_budget_of_different_images_whatever_the_scales(aggregate, seed, budget):
    scores = random_scores(seed)
    chosen = aggregate(scores, budget, rng(seed))
    assert len(set(chosen.tolist())) == len(chosen) == budget
    louder = scores * [1, 1000, 0.001] + [0, -5, 7]
    np.testing.assert_array_equal(chosen, aggregate(louder, budget, rng(seed)))


@pytest.mark.parametrize("aggregate", ALL)
def test_equal_images_fall_by_the_stream(aggregate):
    chosen = {tuple(aggregate(np.ones((8, 2)), 3, rng(seed))) for seed in range(5)}
    assert len(chosen) > 1


@pytest.mark.parametrize("aggregate", ALL)
def test_with_one_task_all_are_its_order(aggregate):
    scores = rng(3).permutation(20).astype(float)[:, None]
    np.testing.assert_array_equal(aggregate(scores, 20, rng()), np.argsort(-scores[:, 0]))


def test_the_damping_is_that_of_the_paper():
    assert rank_aggregation.DAMPING == 60
