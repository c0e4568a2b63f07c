"""Greedy choice of labels: always the highest score times distance over price, written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.kernels.greedy_pairs import greedy_pairs


def slowly(vectors, bought, scores, prices, budget):
    """The same without any shortcut; equal values must not occur."""
    bought, left, chosen = bought.copy(), budget, []
    wide = [np.sqrt(((each - each.mean(0)) ** 2).sum(1).mean()) for each in vectors]
    while True:
        best = None
        for image, task in zip(*np.nonzero(~bought), strict=True):
            if prices[image, task] > left + 1e-9:
                continue
            there = np.flatnonzero(bought[:, task])
            far = [
                np.linalg.norm(vectors[task][image] - vectors[task][other]) / wide[task] for other in there
            ]
            value = scores[image, task] * (min(far) if far else 1.0) / prices[image, task]
            if best is None or value > best[0]:
                best = value, image, task
        if best is None:
            return chosen
        _, image, task = best
        chosen.append((int(image), int(task)))
        bought[image, task] = True
        left -= prices[image, task]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.05, 4))
def test_labels_are_those_of_the_definition(seed, budget):
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=(10, 4)), 50 * rng.normal(size=(10, 3)), rng.normal(size=(10, 2))]
    bought, scores = rng.random((10, 3)) < 0.3, rng.random((10, 3)) + 0.1
    prices = np.tile(np.array([0.6, 0.3, 0.1]), (10, 1)) * (0.5 + rng.random((10, 1)))
    found = greedy_pairs(vectors, bought, scores, prices, budget, np.random.default_rng(0))
    assert list(zip(found.images.tolist(), found.tasks.tolist(), strict=True)) == slowly(
        vectors, bought, scores, prices, budget
    )


def test_a_copy_of_a_labelled_image_comes_last_for_its_task_alone():
    vectors = [np.array([[0.0], [0.0], [5.0]])] * 2
    bought = np.array([[True, False], [False, False], [False, False]])
    found = greedy_pairs(
        vectors, bought, np.ones((3, 2)), np.full((3, 2), 0.5), 2.5, np.random.default_rng(0)
    )
    pairs = list(zip(found.images.tolist(), found.tasks.tolist(), strict=True))
    assert pairs[-1] == (1, 0) or pairs[-1][1] == 1
    assert pairs.index((2, 0)) < pairs.index((1, 0))


@pytest.mark.parametrize("budget", [0.0, 0.09])
def test_a_budget_that_pays_nothing_buys_nothing(budget):
    vectors = [np.zeros((3, 1))]
    found = greedy_pairs(
        vectors,
        np.zeros((3, 1), bool),
        np.ones((3, 1)),
        np.full((3, 1), 0.1),
        budget,
        np.random.default_rng(0),
    )
    assert not len(found.images)
