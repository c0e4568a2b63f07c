"""Disagreement of the two stages, against the same formulas written in NumPy and float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from strategies.contract import TASKS, made_up_outputs
from strategies.divergences import DIVERGENCES, inconsistency_loss, inconsistency_map

ALL = [(kind, name) for kind, options in DIVERGENCES.items() for name in options]
CHANNELS = {"categorical": 5, "binary": 1, "scalar": 1, "direction": 3}
DEFAULTS = {kind: next(iter(options)) for kind, options in DIVERGENCES.items()}
#: Largest value of those that have one.
BOUNDS = {
    "categorical js": 1,
    "binary js": 1,
    "binary difference": 1,
    "binary weighted": 1,
    "direction cosine": 2,
    "direction l1": 2,
}


def probabilities(logits):
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def kullback_leibler(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(p / q), 0).sum(1)


def js(a, b):
    p, q = probabilities(a), probabilities(b)
    middle = (p + q) / 2
    return (kullback_leibler(p, middle) + kullback_leibler(q, middle)) / 2 / np.log(2)


def kl(a, b):
    p, q = probabilities(a), probabilities(b)
    return (kullback_leibler(p, q) + kullback_leibler(q, p)) / 2


def yes_and_no(logit):
    return np.concatenate([logit, np.zeros_like(logit)], 1)


def yes(logit):
    return 1 / (1 + np.exp(-logit[:, 0]))


def unit(vectors):
    return vectors / np.sqrt(np.square(vectors).sum(1, keepdims=True))


REFERENCE = {
    "categorical js": js,
    "categorical kl": kl,
    "binary js": lambda a, b: js(yes_and_no(a), yes_and_no(b)),
    "binary difference": lambda a, b: abs(yes(a) - yes(b)),
    "binary weighted": lambda a, b: abs(yes(a) - yes(b)) * np.maximum(yes(a), yes(b)),
    "scalar difference": lambda a, b: abs(a - b)[:, 0],
    "scalar relative": lambda a, b: abs(a - b)[:, 0] / np.maximum(abs(b[:, 0]), 1e-3),
    "direction cosine": lambda a, b: 1 - (unit(a) * unit(b)).sum(1),
    "direction l1": lambda a, b: abs(unit(a) - unit(b)).mean(1),
}


def pair(kind, seed=0, scale=2.0):
    rng = np.random.default_rng(seed)
    shape = (3, CHANNELS[kind], 7, 5)
    return tuple((scale * rng.standard_normal(shape)).astype(np.float32) for _ in range(2))


def divergence(kind, name, a, b):
    return DIVERGENCES[kind][name](torch.as_tensor(a), torch.as_tensor(b))


@pytest.mark.parametrize(("kind", "name"), ALL)
@pytest.mark.parametrize("scale", [0.1, 2, 10])
def test_equals_the_formula_in_float64(kind, name, scale):
    a, b = pair(kind, scale=scale)
    expected = REFERENCE[f"{kind} {name}"](a.astype(np.float64), b.astype(np.float64))
    found = divergence(kind, name, a, b)
    assert found.shape == (3, 7, 5)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_is_zero_for_the_same_prediction_and_never_negative(kind, name):
    a, b = pair(kind)
    torch.testing.assert_close(divergence(kind, name, a, a), torch.zeros(3, 7, 5), atol=1e-6, rtol=0)
    assert (divergence(kind, name, a, a) >= 0).all()
    assert (divergence(kind, name, a, a + 1e-4 * b) >= 0).all()


@pytest.mark.parametrize(("kind", "name"), [each for each in ALL if each != ("scalar", "relative")])
def test_is_symmetric(kind, name):
    a, b = pair(kind)
    torch.testing.assert_close(divergence(kind, name, a, b), divergence(kind, name, b, a))


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_is_finite_and_bounded_for_extreme_logits(kind, name):
    channels = CHANNELS[kind]
    values = torch.tensor([-1e4, -30.0, 0.0, 1e-30, 30.0, 1e4])
    a = torch.cartesian_prod(*[values] * min(channels, 3)).reshape(-1, min(channels, 3))
    a = F.pad(a, (0, channels - a.shape[1]))[:, :, None, None]
    b = a[torch.randperm(len(a), generator=torch.Generator().manual_seed(0))]
    found = divergence(kind, name, a, b)
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert found.max() <= BOUNDS.get(f"{kind} {name}", float("inf")) + 1e-5


@pytest.mark.parametrize(
    ("kind", "name", "most"), [("categorical", "js", 1), ("binary", "js", 1), ("binary", "difference", 1)]
)
def test_certain_and_contrary_predictions_reach_the_bound(kind, name, most):
    a = torch.full((1, CHANNELS[kind], 2, 2), -1e4)
    b = a.clone()
    a[:, 0], b[:, -1] = 1e4, 1e4 if kind == "categorical" else -1e4
    torch.testing.assert_close(divergence(kind, name, a, b), torch.full((1, 2, 2), float(most)))


def test_agreed_background_counts_for_nothing_when_weighted():
    unsure_no = divergence("binary", "weighted", [[[[-4.0]]]], [[[[-6.0]]]])
    unsure_yes = divergence("binary", "weighted", [[[[4.0]]]], [[[[6.0]]]])
    assert unsure_no < unsure_yes / 40
    torch.testing.assert_close(
        divergence("binary", "difference", [[[[-4.0]]]], [[[[-6.0]]]]),
        divergence("binary", "difference", [[[[4.0]]]], [[[[6.0]]]]),
    )


def test_a_relative_difference_is_finite_at_zero_depth():
    found = divergence("scalar", "relative", [[[[1.0, -2.0, 0.0]]]], [[[[0.0, -1e-9, 0.0]]]])
    assert found.flatten().tolist() == pytest.approx([1000, 2000, 0])


@pytest.mark.parametrize("name", sorted(DIVERGENCES["direction"]))
def test_a_zero_vector_has_no_direction_but_a_finite_distance(name):
    zero, some = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    for a, b in ((zero, some), (some, zero), (zero, zero)):
        assert torch.isfinite(divergence("direction", name, a, b)).all()


@pytest.mark.parametrize("name", sorted(DIVERGENCES["direction"]))
def test_the_length_of_a_vector_does_not_matter(name):
    a, b = map(torch.as_tensor, pair("direction"))
    torch.testing.assert_close(
        divergence("direction", name, a * 7, b / 3), divergence("direction", name, a, b)
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_map_compares_at_the_size_of_the_refined_prediction(task):
    outputs = made_up_outputs(images=2)
    big = F.interpolate(outputs.initial[task.name], (16, 12), mode="bilinear", align_corners=False)
    found = inconsistency_map(outputs, task, DEFAULTS)
    expected = REFERENCE[f"{task.kind} {DEFAULTS[task.kind]}"](
        big.double().numpy(), outputs.refined[task.name].double().numpy()
    )
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-6)


def with_coarser(outputs):
    coarser = {
        task.name: tuple(outputs.initial[task.name][..., :: n + 1, :: n + 1] for n in (1, 2))
        for task in TASKS
    }
    return replace(outputs, coarser_initial=coarser)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("measure", ["map", "loss"])
def test_the_mean_of_scales_is_that_of_each_scale_alone(task, measure):
    outputs = with_coarser(made_up_outputs(images=2))

    def measured(each, scales):
        if measure == "map":
            return inconsistency_map(each, task, DEFAULTS, scales)
        return inconsistency_loss(each, task, scales)

    scales = [outputs.initial[task.name], *outputs.coarser_initial[task.name]]
    alone = [
        measured(replace(outputs, initial={task.name: scale}, coarser_initial={}), "finest")
        for scale in scales
    ]
    torch.testing.assert_close(measured(outputs, "mean"), sum(alone) / 3)
    torch.testing.assert_close(measured(outputs, "finest"), alone[0])


def test_the_loss_is_the_tasks_own_with_the_refined_prediction_as_target():
    outputs, calls = made_up_outputs(images=2), []

    def own(prediction, target):
        calls.append((prediction, target))
        return prediction.new_tensor([3.0, 4.0])

    task = replace(TASKS[2], loss=own)
    assert inconsistency_loss(outputs, task).tolist() == [3, 4]
    prediction, target = calls[0]
    assert target is outputs.refined["depth"]
    assert prediction.shape == target.shape


@pytest.mark.parametrize(("kind", "name"), ALL)
@pytest.mark.parametrize("measure", ["map", "loss"])
def test_the_image_whose_stages_disagree_scores_highest(kind, name, measure):
    """Seven images with stages that nearly agree, and one whose first stage says something else."""
    task = next(task for task in TASKS if task.kind == kind)
    generator = torch.Generator().manual_seed(5)
    initial = 2 * torch.randn(8, task.channels, 6, 6, generator=generator)
    if kind == "scalar":
        initial = initial.abs() + 1
    refined = initial + 0.05 * torch.randn(initial.shape, generator=generator)
    odd = {"scalar": initial[3] + 4}.get(kind, -initial[3])
    initial = torch.cat([initial[:3], odd[None], initial[4:]])
    outputs = replace(made_up_outputs((task,), 8), initial={task.name: initial}, refined={task.name: refined})
    if measure == "loss":
        score = inconsistency_loss(outputs, task)
        if kind == "categorical":  # the cross entropy of agreeing stages is their entropy, not 0
            score = score - inconsistency_loss(replace(outputs, initial=outputs.refined), task)
    else:
        score = inconsistency_map(outputs, task, {kind: name}).mean((1, 2))
    assert score.argmax() == 3
    assert score[3] > 5 * score.sort().values[-2]
