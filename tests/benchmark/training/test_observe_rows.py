"""What ``measure`` may return as rows, and how mistakes in it are named."""

import re

import numpy as np
import pytest
import torch
from observing import Measuring, count, rows_of

import baselines  # noqa: F401
from benchmark.errors import UserError
from benchmark.training.observe import BrokenMeasureError

WRONG = {
    "one row short": lambda o: {"score": torch.zeros(count(o) - 1)},
    "one row more": lambda o: {"fine": torch.zeros(count(o)), "score": torch.zeros(count(o) + 1, 3)},
    "one number": lambda o: {"score": torch.tensor(1.0)},
    "not a number": lambda o: {"score": torch.full((count(o),), float("nan"))},
    "infinite": lambda o: {"score": torch.full((count(o), 2, 2), float("-inf"))},
}


NO_ROWS = {
    "a number": (lambda o: {"score": 3}, "measure returned int (3) as 'score'; it must be a tensor of real"),
    "a list": (lambda o: {"score": [1.0] * count(o)}, "measure returned list"),
    "a tensor": (
        lambda o: torch.zeros(count(o)),
        "measure returned a Tensor of shape (4,) and type torch.float",
    ),
    "nothing": (lambda o: None, "measure returned NoneType (None); it must return {name: tensor"),
    "numbered": (lambda o: {3: torch.zeros(count(o))}, "measure returned the name 3; names must be text"),
    "complex": (lambda o: {"score": torch.zeros(count(o)) * 1j}, "type torch.complex64 as 'score'"),
}


@pytest.mark.parametrize("wrong", NO_ROWS)
def test_what_is_no_row_at_all_is_said_in_a_sentence(toy, network, wrong):
    function, words = NO_ROWS[wrong]
    with pytest.raises(BrokenMeasureError, match=re.escape(words)) as caught:
        rows_of(toy, network, Measuring(function), 4, name="mine")
    assert str(caught.value).startswith("Strategy 'mine': measure returned ")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64, torch.int32, torch.bool])
def test_rows_of_any_real_type_are_taken(toy, network, kind):
    values = rows_of(toy, network, Measuring(lambda o: {"row": torch.ones(count(o), 2).to(kind)}))["row"]
    assert values.shape == (12, 2)
    assert (values == 1).all()
    if kind == torch.bfloat16:
        assert values.dtype == np.float32


def test_rows_may_have_a_gradient_or_be_arrays(toy, network):
    def measure(outputs):
        with torch.enable_grad():
            return {"a": torch.ones(count(outputs), requires_grad=True) * 2, "b": np.full(count(outputs), 3)}

    rows = rows_of(toy, network, Measuring(measure))
    assert (rows["a"] == 2).all()
    assert (rows["b"] == 3).all()


@pytest.mark.parametrize("wrong", WRONG)
def test_broken_rows_are_named(toy, network, wrong):
    with pytest.raises(BrokenMeasureError) as caught:
        rows_of(toy, network, Measuring(WRONG[wrong]), 4, name="mine[a=1]")
    for word in ("'mine[a=1]'", "'score'", "image-0, image-1, image-2, image-3"):
        assert word in str(caught.value)
    assert isinstance(caught.value, UserError), "a sentence and no traceback on the command line"


def test_only_the_images_that_are_not_finite_are_named(toy, network):
    def measure(outputs):
        score = torch.zeros(count(outputs), 3)
        score[1, 2] = float("inf")
        return {"score": score}

    with pytest.raises(BrokenMeasureError, match=r"not finite for the images image-1\."):
        rows_of(toy, network, Measuring(measure), 4)


@pytest.mark.parametrize(
    "later",
    [{}, {"score": 1, "more": 1}, {"other": 1}, {"score": 2}],
    ids=["nothing", "more", "other", "of another width"],
)
def test_rows_that_change_from_batch_to_batch_are_named(toy, network, later):
    calls = []

    def measure(outputs):
        calls.append(1)
        widths = {"score": 1} if len(calls) == 1 else later
        return {key: torch.zeros(count(outputs), width) for key, width in widths.items()}

    with pytest.raises(BrokenMeasureError, match="image-4"):
        rows_of(toy, network, Measuring(measure), 4)


def test_integers_and_booleans_are_rows_too(toy, network):
    def measure(outputs):
        return {"count": torch.arange(count(outputs)), "yes": torch.ones(count(outputs), dtype=torch.bool)}

    rows = rows_of(toy, network, Measuring(measure), 12)
    assert rows["count"].tolist() == list(range(12))
    assert rows["yes"].all()
