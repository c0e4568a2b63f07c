"""The best constant prediction of every task: by its own loss, against a search that knows no closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from benchmark.tasks import IGNORE, make_task

IMAGES, HEIGHT, WIDTH = 7, 9, 11


def rng(seed=0):
    return np.random.default_rng(seed)


def classes(count=4, seed=0):
    """Labels whose images differ in what they show; the last image is ignored in part."""
    stream = rng(seed)
    shares = stream.dirichlet(np.full(count, 0.6), size=IMAGES)
    labels = np.stack([stream.choice(count, (HEIGHT, WIDTH), p=share) for share in shares])
    labels[-1, :5] = IGNORE
    return torch.tensor(labels, dtype=torch.uint8)


def metres():
    """Lognormal, another median a scene, a hole in every image."""
    stream = rng(1)
    labels = stream.lognormal(stream.normal(0.5, 0.6, (IMAGES, 1, 1)), 0.4, (IMAGES, HEIGHT, WIDTH))
    labels[:, 2, 3] = np.nan
    return torch.tensor(labels, dtype=torch.float32)


def vectors():
    """Unit vectors about a direction that no axis has, some of them invalid."""
    stream = rng(2)
    labels = stream.normal((0.3, -0.5, 0.8), 0.35, (IMAGES, HEIGHT, WIDTH, 3))
    labels /= np.linalg.norm(labels, axis=-1, keepdims=True)
    labels[:, 0] = 0
    return torch.tensor(labels.transpose(0, 3, 1, 2), dtype=torch.float32)


CASES = [
    (make_task("semseg", classes=tuple("abcd")), classes()),
    (make_task("depth"), metres()),
    (make_task("normals"), vectors()),
    (make_task("normals", divisor="pixels"), vectors()),
    (make_task("edge", positive_weight=0.95), classes(2)),
    (make_task("saliency"), classes(2, seed=3)),
    (make_task("saliency", balance="image"), classes(2, seed=4)),
]


def constant_of(task, labels):
    return task.constant(torch.stack([task.summary(label) for label in labels]))


def loss(task, labels, constant):
    prediction = torch.as_tensor(constant, dtype=torch.float64).view(1, -1, 1, 1)
    full = prediction.expand(len(labels), -1, HEIGHT, WIDTH)
    return float(task.loss(full, labels.double() if labels.is_floating_point() else labels).mean())


@pytest.mark.parametrize(("task", "labels"), CASES, ids=lambda case: getattr(case, "name", None))
def test_no_other_constant_has_a_lower_loss(task, labels):
    found = constant_of(task, labels)
    assert found.shape == (task.channels,)
    starts = [found.double().numpy(), *rng(5).normal(size=(4, task.channels))]
    searched = [
        minimize(lambda one: loss(task, labels, one), start, method="Nelder-Mead", options={"maxiter": 4000})
        for start in starts
    ]
    best = min(one.fun for one in searched)
    assert loss(task, labels, found) <= best * (1 + 0.01) + 1e-6


def test_classes_are_their_mean_shares_every_image_counting_alike():
    labels = torch.zeros(2, 2, 4, dtype=torch.uint8)
    labels[0, 0] = 1
    labels[1, :, 1:] = IGNORE  # an image with a quarter of the pixels, all of class 0
    shares = constant_of(make_task("semseg", classes=("a", "b")), labels).exp()
    assert shares.tolist() == pytest.approx([0.75, 0.25], abs=0.12)
    many = labels.repeat(50, 1, 1)
    shares = constant_of(make_task("semseg", classes=("a", "b")), many).exp()
    assert shares.tolist() == pytest.approx([0.75, 0.25], abs=0.003)


def test_a_class_that_the_first_labels_lack_costs_a_finite_loss():
    task = make_task("semseg", classes=tuple("abcd"))
    labels = classes(2)
    found = constant_of(task, labels)
    assert torch.isfinite(found).all()
    assert found.exp().sum().item() == pytest.approx(1)
    assert found[2].item() == pytest.approx(found[3].item())
    unseen = torch.full((1, HEIGHT, WIDTH), 3, dtype=torch.uint8)
    assert loss(task, unseen, found) < 15


def test_one_image_has_a_constant_too():
    for task, labels in CASES:
        assert torch.isfinite(constant_of(task, labels[:1])).all(), task


def test_a_binary_task_without_a_yes_stays_finite():
    task = make_task("edge")
    found = constant_of(task, torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8))
    assert -12 < found.item() < -5


def test_depth_is_the_median_over_images_that_count_alike():
    near, far = torch.full((1, 4, 4), 1.0), torch.full((2, 4, 4), 3.0)
    far[:, 1:] = math.nan
    assert constant_of(make_task("depth"), torch.cat([near, far])).item() == 3.0
    assert constant_of(make_task("depth"), torch.cat([near, near, far[:1]])).item() == 1.0


def test_normals_are_a_unit_vector_and_that_of_equal_labels_is_theirs():
    assert constant_of(make_task("normals"), vectors()).norm().item() == pytest.approx(1)
    truth = torch.tensor([0.6, -0.48, 0.64]).view(1, 3, 1, 1).expand(3, -1, 4, 5)
    assert constant_of(make_task("normals"), truth).tolist() == pytest.approx([0.6, -0.48, 0.64], abs=2e-3)
