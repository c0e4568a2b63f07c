"""Flip consistency against SciPy's divergences, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import expit, softmax

import baselines  # noqa: F401
from baselines.flip_consistency import flip_consistency
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import resolve


def yes_and_no(logit):
    return [expit(logit[0]), 1 - expit(logit[0])]


OF_PIXEL = {
    "semseg": lambda a, b: jensenshannon(softmax(a), softmax(b), base=2) ** 2,
    "saliency": lambda a, b: jensenshannon(yes_and_no(a), yes_and_no(b), base=2) ** 2,
    "depth": lambda a, b: abs(a[0] - b[0]),
    "normals": cosine,
}


def scored(refined, mirrored):
    outputs = replace(made_up_outputs(images=len(refined["depth"])), refined=refined)
    return flip_consistency(replace(outputs, views={"flip": replace(outputs, refined=mirrored)}))


def predictions(images=3, seed=0):
    return {
        task: maps[..., :4, :5] for task, maps in made_up_outputs(images=images, seed=seed).refined.items()
    }


@pytest.mark.parametrize("task", OF_PIXEL)
def test_equals_the_definition_pixel_by_pixel(task):
    one, two = predictions(), predictions(seed=1)
    a, b = (each[task].double().numpy() for each in (one, two))
    pixels = [(y, x) for y in range(4) for x in range(5)]
    expected = [np.mean([OF_PIXEL[task](a[i, :, y, x], b[i, :, y, x]) for y, x in pixels]) for i in range(3)]
    np.testing.assert_allclose(scored(one, two)[task], expected, rtol=1e-4)


def test_a_prediction_that_mirrors_exactly_is_consistent_however_uncertain():
    one = predictions()
    one["semseg"] = torch.zeros_like(one["semseg"])
    for task, scores in scored(one, one).items():
        np.testing.assert_allclose(scores, 0, atol=1e-6, err_msg=task)


@pytest.mark.parametrize("task", OF_PIXEL)
def test_the_image_that_the_network_sees_otherwise_in_the_mirror_comes_first(task):
    one = predictions(6)
    two = {name: maps + 0.01 for name, maps in one.items()}
    two[task][3] *= -1
    assert scored(one, two)[task].argmax() == 3


def test_certain_and_contrary_predictions_are_one_and_not_nan():
    """Regression: log(0) gives NaN, and NaN sorts anywhere (found in public re-implementations)."""
    one, two = predictions(1), predictions(1)
    for each, sign in ((one, 1), (two, -1)):
        each["saliency"] = torch.full((1, 1, 3, 3), 1e4 * sign)
        each["semseg"] = sign * 1e4 * torch.tensor([1.0, -1, 0, 0, 0]).reshape(1, 5, 1, 1)
    found = scored(one, two)
    assert found["saliency"].item() == pytest.approx(1)
    assert found["semseg"].item() == pytest.approx(1)


def test_it_asks_for_the_mirrored_view_and_scores_every_kind():
    assert resolve("flip-consistency").create().views == ("flip",)
    assert list(scored(predictions(), predictions(seed=1))) == [task.name for task in TASKS]
