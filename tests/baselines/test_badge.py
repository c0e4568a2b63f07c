"""BADGE: gradients against autograd, draws against those from gradients written out, and peers' defects."""

import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.badge import LEFT, RIGHT, Badge, scaled, slopes
from strategies.contract import TASKS, made_up_outputs
from strategies.k_means import k_means_plus_plus

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS


def measured(images):
    return {name: row.numpy() for name, row in Badge().measure(made_up_outputs(images=images)).items()}


def random_rows(count, channels=5, width=6):
    rng = np.random.default_rng(0)
    return {
        LEFT + "semseg": rng.standard_normal((count, channels), np.float32),
        RIGHT + "semseg": rng.standard_normal((count, width), np.float32),
    }


def pixel_loss(task, logits):
    if task.kind == "categorical":
        return F.cross_entropy(logits, logits.argmax(1), reduction="none").mean((1, 2))
    label = (logits > 0).float()
    return F.binary_cross_entropy_with_logits(logits, label, reduction="none").mean((1, 2, 3))


@pytest.mark.parametrize("task", [SEMSEG, SALIENCY], ids=lambda task: task.name)
def test_the_gradient_of_a_last_layer_on_even_features_is_the_product_of_the_factors(task):
    generator = torch.Generator().manual_seed(0)
    layer = torch.randn(task.channels, 6, generator=generator).requires_grad_()
    even = torch.randn(6, generator=generator).view(1, 6, 1, 1).expand(1, 6, 4, 3)
    logits = torch.einsum("ck,bkhw->bchw", layer, even)
    (gradient,) = torch.autograd.grad(pixel_loss(task, logits).sum(), layer)
    product = torch.outer(slopes(task, logits.detach())[0], even[0, :, 0, 0])
    torch.testing.assert_close(product, gradient)


@pytest.mark.parametrize("task", [SEMSEG, SALIENCY], ids=lambda task: task.name)
def test_slopes_are_those_of_the_mean_pixel_loss(task):
    logits = made_up_outputs(images=3).refined[task.name].requires_grad_()
    (gradient,) = torch.autograd.grad(pixel_loss(task, logits).sum(), logits)
    torch.testing.assert_close(slopes(task, logits.detach()), gradient.sum((2, 3)))


def test_regression_has_its_mean_features_for_a_gradient():
    outputs = made_up_outputs((DEPTH, NORMALS), images=3)
    rows = Badge().measure(outputs)
    for task in (DEPTH, NORMALS):
        assert rows[LEFT + task.name].tolist() == [[1]] * 3
        torch.testing.assert_close(rows[RIGHT + task.name], outputs.task_features[task.name].mean((2, 3)))


def test_no_row_can_be_taken_for_a_task():
    for name in Badge().measure(made_up_outputs(images=2)):
        assert name not in [task.name for task in TASKS]
        assert name.startswith(".")


def test_draws_are_those_from_gradients_written_out(pool_of):
    rows = measured(60)
    dense = [
        np.einsum("nc,nd->ncd", rows[LEFT + t.name], rows[RIGHT + t.name]).reshape(60, -1) for t in TASKS
    ]
    dense = [part / np.sqrt(np.square(part, dtype=np.float64).sum(1).mean()) for part in dense]
    unlabelled = np.arange(2, 60)
    wanted = k_means_plus_plus(np.concatenate(dense, 1), 20, (), unlabelled, rng=np.random.default_rng(0))
    assert Badge().select(pool_of(rows, [0, 1]), 20).indices.tolist() == wanted.tolist()


def test_all_tasks_weigh_the_same_whatever_their_scale(pool_of):
    rows = measured(40)
    larger = rows | {RIGHT + "depth": 1024 * rows[RIGHT + "depth"]}
    picks = [Badge().select(pool_of(each, [0]), 12).indices.tolist() for each in (rows, larger)]
    assert picks[0] == picks[1]
    for task in TASKS:
        left, right = scaled(rows[LEFT + task.name], rows[RIGHT + task.name])
        lengths = np.linalg.norm(np.einsum("nc,nd->ncd", left, right), axis=(1, 2))
        assert np.square(lengths).mean() == pytest.approx(1, rel=1e-5)


def test_no_gradient_is_drawn_twice_while_another_is_left(pool_of):
    rows = {name: np.tile(values, (20, 1)) for name, values in random_rows(10).items()}
    for seed in range(10):
        chosen = Badge().select(pool_of(rows, seed=seed, tasks=(SEMSEG,)), 10).indices
        assert sorted(chosen % 10) == list(range(10))


def test_the_origin_is_no_centre(pool_of):
    rows = random_rows(8)
    rows[LEFT + "semseg"][3] = 0  # an image that the network is sure of
    firsts = [Badge().select(pool_of(rows, seed=s, tasks=(SEMSEG,)), 1).indices[0] for s in range(200)]
    assert abs(np.count_nonzero(np.array(firsts) == 3) - 25) < 20  # at 1/8: a standard deviation is 4.7


def test_gradients_that_are_all_zero_leave_a_random_choice(pool_of):
    rows = random_rows(30)
    rows[LEFT + "semseg"][:] = 0
    batches = {tuple(Badge().select(pool_of(rows, [0], s, (SEMSEG,)), 5).indices) for s in range(5)}
    assert len(batches) == 5


def test_the_labelled_images_are_centres_only_if_asked(pool_of):
    rows = random_rows(10)
    rows = {name: np.concatenate([values, values[:5]]) for name, values in rows.items()}
    pools = [pool_of(rows, range(5), seed, (SEMSEG,)) for seed in range(20)]
    assert all(min(Badge(labelled=True).select(pool, 5).indices) >= 5 for pool in pools)
    assert all(max(Badge(labelled=True).select(pool, 5).indices) < 10 for pool in pools)
    pools = [pool_of(rows, range(5), seed, (SEMSEG,)) for seed in range(20)]
    assert any(max(Badge().select(pool, 5).indices) >= 10 for pool in pools)


def test_memory_is_that_of_the_factors(pool_of):
    rows = random_rows(4000, channels=40, width=128)
    pool = pool_of(rows, [0], tasks=(SEMSEG,))
    tracemalloc.start()
    Badge().select(pool, 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24  # the gradients would be 4,000 x 40 x 128 floats, 82 MB


def test_features_keep_their_length():
    outputs = made_up_outputs(images=2)
    right = Badge().measure(outputs)[RIGHT + "depth"]
    smaller = Badge().measure(outputs.mapped(lambda tensor: tensor / 2))[RIGHT + "depth"]
    torch.testing.assert_close(smaller, right / 2)
