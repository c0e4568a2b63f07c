"""Least confidence against loops over pixels in float64, and what it prefers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

import baselines  # noqa: F401
from baselines.least_confidence import least_confidence
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import resolve


def outputs_of(**refined):
    outputs = made_up_outputs(images=len(next(iter(refined.values()))))
    return replace(outputs, refined={**outputs.refined, **refined})


def random_logits(channels, images=3, scale=3.0, seed=0):
    return scale * torch.randn(images, channels, 4, 5, generator=torch.Generator().manual_seed(seed))


def mean_over_pixels(of_pixel, logits):
    logits = logits.double().numpy()
    images, _, height, width = logits.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    return [np.mean([of_pixel(logits[image, :, y, x]) for y, x in pixels]) for image in range(images)]


@pytest.mark.parametrize("scale", [0.0, 0.5, 3, 40])
def test_equals_the_definition_pixel_by_pixel(scale):
    classes, yes = random_logits(5, scale=scale), random_logits(1, scale=scale, seed=1)
    found = least_confidence(outputs_of(semseg=classes, saliency=yes))
    of_classes = mean_over_pixels(lambda logits: 1 - max(softmax(logits)), classes)
    of_yes = mean_over_pixels(lambda logit: 1 - max(expit(logit[0]), 1 - expit(logit[0])), yes)
    np.testing.assert_allclose(found["semseg"], of_classes, atol=1e-6)
    np.testing.assert_allclose(found["saliency"], of_yes, atol=1e-6)


def test_knowing_nothing_counts_more_than_being_torn_between_two():
    logits = torch.zeros(3, 5, 4, 4)
    logits[0, 2], logits[1, :2] = 1e4, 1e4
    found = least_confidence(outputs_of(semseg=logits))["semseg"]
    assert found.tolist() == pytest.approx([0, 0.5, 0.8])


def test_yes_and_no_count_alike():
    logit = random_logits(1)
    yes, no = (least_confidence(outputs_of(saliency=sign * logit))["saliency"] for sign in (1, -1))
    torch.testing.assert_close(yes, no)


def test_certain_predictions_are_zero_and_not_nan():
    """Regression: log(0) gives NaN, and NaN sorts anywhere (found in public re-implementations)."""
    classes, yes = torch.full((2, 5, 3, 3), -1e4), torch.full((2, 1, 3, 3), 1e4)
    classes[:, 1], yes[1] = 1e4, -1e4
    found = least_confidence(outputs_of(semseg=classes, saliency=yes))
    assert found["semseg"].tolist() == found["saliency"].tolist() == [0, 0]


def test_the_least_certain_image_comes_first():
    outputs = made_up_outputs(images=8)
    unsure = {
        task: maps * torch.where(torch.arange(8) == 2, 0.01, 3.0)[:, None, None, None]
        for task, maps in outputs.refined.items()
    }
    for scores in least_confidence(replace(outputs, refined=unsure)).values():
        assert scores.argmax() == 2


def test_tasks_without_classes_have_no_score_and_are_refused_alone():
    assert list(least_confidence(made_up_outputs())) == ["semseg", "saliency"]
    with pytest.raises(ValueError, match=r"for categorical and binary tasks only; of depth, normals it can"):
        resolve("least-confidence").create().check(TASKS[2:])
