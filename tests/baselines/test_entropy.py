"""Entropy against NumPy in float64; the variance over the flip for tasks that have none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.entropy import entropy
from strategies.contract import TASKS, made_up_outputs
from strategies.interface import Pool, TaskSpec
from strategies.registry import resolve


def outputs_of(refined, flipped=None, images=None):
    images = images or len(next(iter(refined.values())))
    plain = made_up_outputs(images=images)
    plain = replace(plain, refined={**plain.refined, **refined})
    view = replace(plain, refined={**plain.refined, **(flipped or {})})
    return replace(plain, views={"flip": view})


def numpy_entropy(logits):
    logits = logits.double().numpy()
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)
    return -terms.sum(1).mean((1, 2)) / np.log(p.shape[1])


def random_logits(channels, images=4, scale=3.0, seed=0):
    return scale * torch.randn(images, channels, 6, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [0.0, 0.5, 3, 40])
def test_classes_have_the_entropy_of_the_softmax_over_log_c(scale):
    logits = random_logits(5, scale=scale)
    np.testing.assert_allclose(
        entropy(outputs_of({"semseg": logits}))["semseg"], numpy_entropy(logits), atol=1e-6
    )


@pytest.mark.parametrize("scale", [0.0, 0.5, 3, 40])
def test_yes_or_no_has_that_of_two_classes(scale):
    logit = random_logits(1, scale=scale)
    both = torch.cat([logit, torch.zeros_like(logit)], 1)
    np.testing.assert_allclose(
        entropy(outputs_of({"saliency": logit}))["saliency"], numpy_entropy(both), atol=1e-6
    )


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_entropies_run_from_0_to_1_whatever_the_number_of_classes(classes):
    task = TaskSpec("semseg", "categorical", classes, lambda p, t: p)
    logits = torch.zeros(3, classes, 4, 4)
    logits[1, 0], logits[2, 0, :2] = 1e4, 1e4  # certain everywhere, certain in one half
    outputs = replace(outputs_of({"semseg": logits}), tasks=(task,))
    assert entropy(outputs)["semseg"].tolist() == pytest.approx([1, 0, 0.5])


def test_certain_predictions_are_zero_and_not_nan():
    """Regression: log(0) gives NaN, and NaN sorts anywhere (found in public re-implementations)."""
    logits = torch.zeros(2, 5, 4, 4)
    logits[0, 2], logits[1, :3] = 1e4, -1e4
    yes = torch.full((2, 1, 4, 4), 1e4)
    yes[1] *= -1
    found = entropy(outputs_of({"semseg": logits, "saliency": yes}))
    assert found["semseg"].tolist() == pytest.approx([0, np.log(2) / np.log(5)])
    assert found["saliency"].tolist() == [0, 0]


def test_the_entropy_of_the_untouched_image_counts_not_that_of_its_mirror():
    logits, other = random_logits(5), random_logits(5, seed=1)
    one, two = (
        entropy(outputs_of({"semseg": logits}, {"semseg": view}))["semseg"] for view in (logits, other)
    )
    assert torch.equal(one, two)


def test_depth_has_the_variance_over_the_flip():
    depth, flipped = random_logits(1), random_logits(1, seed=1)
    found = entropy(outputs_of({"depth": depth}, {"depth": flipped}))["depth"]
    variance = np.var(np.stack([depth.numpy(), flipped.numpy()]).astype(np.float64), axis=0)
    np.testing.assert_allclose(found, variance.mean((1, 2, 3)), rtol=1e-5)


def test_normals_have_the_spread_of_unit_vectors():
    normals, flipped = random_logits(3), random_logits(3, seed=1)
    found = entropy(outputs_of({"normals": normals}, {"normals": flipped}))["normals"]
    both = np.stack([normals.numpy(), flipped.numpy()]).astype(np.float64)
    both /= np.linalg.norm(both, axis=2, keepdims=True)
    spread = np.square(both - both.mean(0)).sum(2).mean(0)  # variance about the mean vector
    np.testing.assert_allclose(found, spread.mean((1, 2)), rtol=1e-4)


def test_a_prediction_that_mirrors_exactly_has_no_variance():
    depth, normals = random_logits(1), random_logits(3)
    found = entropy(outputs_of({"depth": depth, "normals": normals}))
    assert found["depth"].tolist() == [0] * 4
    torch.testing.assert_close(found["normals"], torch.zeros(4), atol=1e-6, rtol=0)
    assert (found["normals"] >= 0).all()
    opposite = entropy(outputs_of({"normals": normals}, {"normals": -normals}))["normals"]
    torch.testing.assert_close(opposite, torch.ones(4))


def test_the_length_of_normals_does_not_matter():
    normals, flipped = random_logits(3), random_logits(3, seed=1)
    one = entropy(outputs_of({"normals": normals}, {"normals": flipped}))["normals"]
    two = entropy(outputs_of({"normals": normals * 9}, {"normals": flipped / 5}))["normals"]
    torch.testing.assert_close(one, two)


def select(rows, budget=9):
    pool = Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:02d}" for n in range(40)),
        labelled=np.arange(4),
        unlabelled=np.arange(4, 40),
        rows=rows,
        round=0,
        budget_left=36,
        costs=np.ones((40, 1)),
        rng=np.random.default_rng(0),
    )
    return resolve("entropy").create().select(pool, budget).indices


def rows_of(seed=0):
    rng = np.random.default_rng(seed)
    return {task.name: rng.random(40) for task in TASKS}


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_scores_of_tasks_are_ranked_never_added(task):
    """Regression: entropies in 0..1 beside a variance in square metres (a peer adds raw scores)."""
    rows = rows_of()
    louder = {**rows, task: rows[task] * 1000}
    assert select(rows).tolist() == select(louder).tolist()


def test_the_highest_mean_rank_is_chosen():
    rows = rows_of(3)
    total = sum(np.argsort(np.argsort(values[4:])) for values in rows.values())
    assert sorted(total[select(rows) - 4], reverse=True) == sorted(total, reverse=True)[:9]


def test_it_asks_for_the_mirrored_view():
    assert resolve("entropy").create().views == ("flip",)
