"""Loss weights: on one footing whichever round bought an image, and of mean 1 over images with labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.errors import UserError
from benchmark.training.weights import balanced, weights_of
from strategies.interface import Strategy

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
def test_every_task_has_weights_of_mean_1(case):
    weights, labelled = case
    found = balanced(weights, labelled)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    for column, known in zip(found.T, labelled.T, strict=True):
        assert not known.any() or column[known].mean() == pytest.approx(1)
