"""Loss weights, seen in the step that training takes, and learning rates."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.training.optimiser import learning_rate_factor
from benchmark.training.train import weights_digest

RATE = 1e-3
STILL = {"flip": False}


# Loss weights


def movement(toy, weights, positions=(0, 1, 2, 3), **changes):
    """How far one step of gradient descent on four images moves the weights."""
    step = {"optimiser": "sgd", "momentum": 0.0, "learning_rate": RATE, "iterations": 1, "batch_size": 4}
    network = toy.train(
        positions=np.array(positions), weights=weights, **step, augmentation=STILL, **changes
    ).network
    pairs = zip(network.parameters(), toy.fresh().parameters(), strict=True)
    return torch.cat([(after - before).detach().double().flatten() for after, before in pairs])


def test_weights_of_one_are_no_weights_at_all(toy):
    none, ones, halves = (
        weights_digest(toy.train(weights=weights).network)
        for weights in (None, np.ones((12, 4)), np.full((12, 4), 0.5))
    )
    assert none == ones
    assert none != halves


def test_a_weight_multiplies_the_gradient_of_its_image_and_task(toy):
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 2, (4, 4))
    parts = np.zeros((4, 4, 4, 4))
    for image in range(4):
        for task in range(4):
            parts[image, task, image, task] = weights[image, task]
    together = movement(toy, weights)
    summed = sum(movement(toy, part) for row in parts for part in row)
    assert together.norm() > 0
    assert (together - summed).norm() < 1e-3 * together.norm()
    assert not movement(toy, np.zeros((4, 4))).any()
    one = movement(toy, parts[2, 1])
    assert (movement(toy, 2 * parts[2, 1]) - 2 * one).norm() < 1e-3 * one.norm()


def test_the_step_is_down_the_gradient_of_the_weighted_multi_task_loss(toy):
    """Written out: mean over images of the sum over tasks of weight * task weight * (refined + initial)."""
    weights = np.random.default_rng(1).uniform(0, 2, (4, 4))
    network = toy.fresh().train()
    batch = toy.feed.batch(torch.arange(4))
    outputs = network(batch.images)
    total = 0.0
    for column, (task, share) in enumerate(zip(toy.feed.tasks, (1, 1, 10, 50), strict=True)):
        initial = nn.functional.interpolate(outputs.initial[task.name], (32, 32), mode="bilinear")
        both = task.loss(outputs.refined[task.name], batch.labels[task.name])
        both = both + task.loss(initial, batch.labels[task.name])
        total = total + (share * torch.from_numpy(weights[:, column]) * both).sum() / 4
    total.backward()
    gradient = torch.cat([p.grad.double().flatten() for p in network.parameters()])
    moved = movement(toy, weights)
    assert (moved + RATE * gradient).norm() < 1e-3 * moved.norm()


def test_weights_follow_their_image_through_the_shuffling(toy):
    """Weights in the order of positions: both turned round together are the same training set."""
    weights = np.zeros((4, 4))
    weights[1] = 1.0
    turned = movement(toy, weights, (5, 8, 1, 10))
    alone = movement(toy, weights[[1, 0, 2, 3]], (8, 5, 1, 10))
    assert (turned - alone).norm() < 1e-3 * turned.norm()


def test_clipping_bounds_the_step(toy):
    free = movement(toy, np.ones((4, 4)))
    moved = movement(toy, np.ones((4, 4)), clip=0.01)
    assert moved.norm() == pytest.approx(0.01 * RATE, rel=1e-2)
    assert free.norm() > 10 * moved.norm()


# Schedules


def rates(toy, iterations=10, **changes):
    factor = learning_rate_factor(toy.recipe(iterations=iterations, **changes))
    return [factor(i) for i in range(iterations + 1)]


def test_poly_falls_by_a_power_to_nothing(toy):
    assert rates(toy, schedule="poly", power=0.9) == pytest.approx([(1 - i / 10) ** 0.9 for i in range(11)])
    assert rates(toy, schedule="poly", power=1.0)[5] == pytest.approx(0.5)


def test_cosine_falls_along_half_a_wave(toy):
    assert rates(toy, schedule="cosine") == pytest.approx(
        [(1 + math.cos(math.pi * i / 10)) / 2 for i in range(11)]
    )


def test_warm_up_rises_in_equal_steps_and_is_never_zero(toy):
    constant = rates(toy, schedule="constant", warmup=4)
    assert constant == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1, 1])
    poly = rates(toy, schedule="poly", warmup=4)
    assert poly == pytest.approx([w * (1 - i / 10) ** 0.9 for i, w in enumerate(constant)])
    assert rates(toy, schedule="constant") == [1.0] * 11


def test_the_schedule_scales_the_steps_of_the_optimiser(toy, monkeypatch):
    used = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *a: used.append(self.param_groups[0]["lr"]) or original(self, *a),
    )
    toy.train(optimiser="sgd", schedule="poly", power=1.0, iterations=4, learning_rate=0.01)
    assert used == pytest.approx([0.01, 0.0075, 0.005, 0.0025])
