"""Margin against loops over pixels in float64, and what it prefers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax

import baselines  # noqa: F401
from baselines.margin import margin
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import resolve


def outputs_of(**refined):
    outputs = made_up_outputs(images=len(next(iter(refined.values()))))
    return replace(outputs, refined={**outputs.refined, **refined})


def random_logits(channels, images=3, scale=3.0, seed=0):
    return scale * torch.randn(images, channels, 4, 5, generator=torch.Generator().manual_seed(seed))


def by_hand(logits):
    """1 - (p1 - p2) pixel by pixel; one channel is a logit of yes."""
    logits = logits.double().numpy()
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], 1)
    images, _, height, width = logits.shape
    found = np.zeros(images)
    for image in range(images):
        for y in range(height):
            for x in range(width):
                *_, second, first = sorted(softmax(logits[image, :, y, x]))
                found[image] += (1 - (first - second)) / (height * width)
    return found


@pytest.mark.parametrize("scale", [0.0, 0.5, 3, 40])
def test_equals_the_definition_pixel_by_pixel(scale):
    classes, yes = random_logits(5, scale=scale), random_logits(1, scale=scale, seed=1)
    found = margin(outputs_of(semseg=classes, saliency=yes))
    np.testing.assert_allclose(found["semseg"], by_hand(classes), atol=1e-6)
    np.testing.assert_allclose(found["saliency"], by_hand(yes), atol=1e-6)


def test_two_likely_classes_confuse_as_much_as_all_and_a_certain_one_not_at_all():
    logits = torch.zeros(3, 5, 4, 4)
    logits[0, 2], logits[1, :2] = 1e4, 1e4  # certain; torn between two; the third knows nothing
    assert margin(outputs_of(semseg=logits))["semseg"].tolist() == pytest.approx([0, 1, 1])


def test_the_most_probable_class_does_not_matter():
    logits = random_logits(5)
    other = logits[:, [3, 1, 4, 0, 2]]
    one, two = (margin(outputs_of(semseg=each))["semseg"] for each in (logits, other))
    torch.testing.assert_close(one, two)
    yes, no = (margin(outputs_of(saliency=sign * logits[:, :1]))["saliency"] for sign in (1, -1))
    torch.testing.assert_close(yes, no)


def test_certain_predictions_are_zero_and_not_nan():
    """Regression: log(0) gives NaN, and NaN sorts anywhere (found in public re-implementations)."""
    classes, yes = torch.full((2, 5, 3, 3), -1e4), torch.full((2, 1, 3, 3), 1e4)
    classes[:, 1], yes[1] = 1e4, -1e4
    found = margin(outputs_of(semseg=classes, saliency=yes))
    assert found["semseg"].tolist() == found["saliency"].tolist() == [0, 0]


def test_the_image_with_the_smallest_margins_comes_first():
    outputs = made_up_outputs(images=8)
    confused = {
        task: maps * torch.where(torch.arange(8) == 5, 0.01, 3.0)[:, None, None, None]
        for task, maps in outputs.refined.items()
    }
    for scores in margin(replace(outputs, refined=confused)).values():
        assert scores.argmax() == 5


def test_tasks_without_classes_have_no_score_and_are_refused_alone():
    assert list(margin(made_up_outputs())) == ["semseg", "saliency"]
    strategy = resolve("margin").create()
    strategy.check(TASKS)
    with pytest.raises(ValueError, match=r"for categorical and binary tasks only; of depth, normals it can"):
        strategy.check(TASKS[2:])
    with pytest.raises(ValueError, match="it can score semseg, saliency"):
        resolve("margin[task=depth]").create().check(TASKS)
