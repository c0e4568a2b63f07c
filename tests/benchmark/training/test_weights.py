"""Loss weights: on one footing whichever round bought an image, and of mean 1 over images with labels."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.errors import UserError
from benchmark.training.weights import balanced, weights_of
from strategies.interface import Draws, Strategy

SHAPE = st.tuples(st.integers(1, 12), st.integers(1, 4))


class Weighing(Strategy):
    """Says what a function of the ranks says, and notes what it was asked."""

    def __init__(self, answer=lambda ranks: 1 + ranks):
        self.answer, self.asked = answer, []

    def loss_weights(self, ranks):
        self.asked.append(ranks)
        return self.answer(ranks)


def test_a_strategy_is_asked_of_the_images_that_it_chose_and_others_weigh_1():
    strategy = Weighing()
    ranks = np.array([[np.nan, np.nan], [0.25, 1.0], [np.nan, np.nan], [0.5, 0.0]])
    found = weights_of(strategy, "it", ranks)
    np.testing.assert_array_equal(found, [[1, 1], [1.25, 2], [1, 1], [1.5, 1]])
    assert [asked.tolist() for asked in strategy.asked] == [[[0.25, 1.0], [0.5, 0.0]]]


def test_without_images_that_it_chose_it_is_not_asked():
    strategy = Weighing()
    assert weights_of(strategy, "it", np.full((3, 2), np.nan)) is None
    assert weights_of(Strategy(), "it", np.ones((3, 2))) is None
    assert strategy.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda ranks: ranks[:, :1],
        lambda ranks: ranks - 1,
        lambda ranks: ranks * np.nan,
        lambda ranks: ranks / 0,
    ],
    ids=["shape", "negative", "nan", "inf"],
)
@pytest.mark.filterwarnings("ignore:divide")
def test_weights_that_cannot_be_used_are_refused_with_the_strategy_s_name(answer):
    with pytest.raises(UserError, match=r"Strategy 'it' gave loss weights that are not \(2, 2\)"):
        weights_of(Weighing(answer), "it", np.array([[0.5, 0.5], [0.1, 0.2]]))


class Drawing(Weighing):
    """Weighs what it drew by one over its probability."""

    def draw_weights(self, draws):
        self.asked.append((draws.left.tolist(), draws.unlabelled))
        return 1 / draws.probabilities


def test_what_was_drawn_is_weighed_too_the_same_for_all_tasks():
    ranks = np.array([[np.nan, np.nan], [0.25, 1.0], [0.5, 0.0]])
    draws = Draws(np.array([np.nan, 0.5, 0.1]), np.array([9, 8, 7]), 6)
    both, alone = Drawing(), Drawing(lambda ranks: None)
    np.testing.assert_array_equal(weights_of(both, "it", ranks, draws), [[1, 1], [2.5, 4], [15, 10]])
    np.testing.assert_array_equal(weights_of(alone, "it", ranks, draws), [[1, 1], [2, 2], [10, 10]])
    assert alone.asked[-1] == ([8, 7], 6)


def test_without_draws_of_known_probability_it_is_not_asked():
    ranks, unknown = np.full((2, 3), np.nan), np.full(2, np.nan)
    strategy = Drawing()
    assert weights_of(strategy, "it", ranks, Draws(unknown, np.array([5, 4]), 3)) is None
    assert weights_of(strategy, "it", ranks) is None
    assert weights_of(Strategy(), "it", ranks, Draws(np.ones(2), np.array([5, 4]), 3)) is None
    assert strategy.asked == []


@pytest.mark.parametrize("answer", [np.array([1.0, 2]), np.array([-1.0]), np.array([np.inf])])
def test_weights_of_draws_that_cannot_be_used_are_refused(answer):
    class Wrong(Strategy):
        def draw_weights(self, draws):
            return answer

    with pytest.raises(UserError, match=r"Strategy 'it' gave loss weights that are not \(1,\) \(images\)"):
        weights_of(Wrong(), "it", np.full((1, 2), np.nan), Draws(np.ones(1), np.array([5]), 3))


def test_weights_have_mean_1_over_the_images_with_a_label():
    """A constructed case: over all images their mean was 1, and over the labelled ones 1.33."""
    weights = np.array([[1.5], [1.1667], [0.8333], [0.5]])
    labelled = np.array([[True], [True], [False], [False]])
    assert weights.mean() == pytest.approx(1)
    assert weights[labelled].mean() == pytest.approx(1.33, abs=0.01)
    found = balanced(weights, labelled)
    assert found[labelled].mean() == pytest.approx(1)
    assert found[0] / found[1] == pytest.approx(weights[0] / weights[1])


@given(SHAPE.flatmap(lambda s: st.tuples(arrays(float, s, elements=st.floats(0, 2)), arrays(bool, s))))
@example(
    (np.array([[5e-324], [1.0]]), np.array([[True], [False]]))
)  # found by chance: 1 / 5e-324 is infinite
@example((np.array([[5e-324], [0.0]]), np.array([[True], [True]])))  # and the mean of these is 0
def test_every_task_has_weights_of_mean_1(case):
    weights, labelled = case
    found = balanced(weights, labelled)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    for column, known in zip(found.T, labelled.T, strict=True):
        assert not known.any() or column[known].mean() == pytest.approx(1)
