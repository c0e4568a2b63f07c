"""BADGE: gradients against autograd, draws against those from gradients written out, and peers' defects."""

import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.badge import GRADIENT, Badge, gradients, projected, scaled, slopes
from strategies.contract import TASKS, made_up_outputs
from strategies.kernels.k_means_plus_plus import k_means_plus_plus
from strategies.registry import RegistryError, resolve

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS


def measured(images, length=256):
    rows = Badge(length=length).measure(made_up_outputs(images=images))
    return {name: row.numpy() for name, row in rows.items()}


def random_rows(count, width=30):
    return {GRADIENT + "semseg": np.random.default_rng(0).standard_normal((count, width), np.float32)}


def pixel_loss(task, logits):
    if task.kind == "categorical":
        return F.cross_entropy(logits, logits.argmax(1), reduction="none").mean((1, 2))
    label = (logits > 0).float()
    return F.binary_cross_entropy_with_logits(logits, label, reduction="none").mean((1, 2, 3))


@pytest.mark.parametrize("task", [SEMSEG, SALIENCY], ids=lambda task: task.name)
def test_it_is_the_gradient_of_a_last_layer(task):
    generator = torch.Generator().manual_seed(0)
    layer = torch.randn(task.channels, 6, generator=generator).requires_grad_()
    features = torch.randn(3, 6, 4, 3, generator=generator)
    logits = torch.einsum("ck,bkhw->bchw", layer, features)
    found = gradients(task, logits.detach(), features).reshape(3, task.channels, 6)
    for image, loss in enumerate(pixel_loss(task, logits)):
        (gradient,) = torch.autograd.grad(loss, layer, retain_graph=True)
        torch.testing.assert_close(found[image], gradient)


@pytest.mark.parametrize("task", [SEMSEG, SALIENCY], ids=lambda task: task.name)
def test_slopes_are_those_of_the_mean_pixel_loss(task):
    logits = made_up_outputs(images=3).refined[task.name].requires_grad_()
    (gradient,) = torch.autograd.grad(pixel_loss(task, logits).sum(), logits)
    torch.testing.assert_close(slopes(task, logits.detach()) / (16 * 12), gradient)


def test_products_are_averaged_over_the_pixels_of_the_prediction():
    """Written out: every pixel's slope times the features of the quarter pixel that it lies in."""
    outputs = made_up_outputs(images=2)
    slope = slopes(SEMSEG, outputs.refined["semseg"]).double().numpy()
    fine = outputs.task_features["semseg"].double().numpy().repeat(4, 2).repeat(4, 3)
    wanted = np.einsum("bchw,bdhw->bcd", slope, fine) / (16 * 12)
    found = measured(2)[GRADIENT + "semseg"]
    np.testing.assert_allclose(found, wanted.reshape(2, -1), rtol=1e-4, atol=1e-6)


def test_slopes_of_either_sign_do_not_cancel():
    """Unsure one way on the left and the other way on the right: the mean slope is 0, the gradient is not."""
    logits = torch.full((1, 1, 8, 8), 0.5)
    logits[..., 4:] = -0.5
    features = torch.zeros(1, 2, 2, 2)
    features[:, 0, :, 0], features[:, 1, :, 1] = 1, 1
    assert slopes(SALIENCY, logits).mean().abs() < 1e-6
    assert gradients(SALIENCY, logits, features).norm() > 0.2


def test_regression_has_its_mean_features_for_a_gradient():
    outputs = made_up_outputs((DEPTH, NORMALS), images=3)
    rows = Badge().measure(outputs)
    for task in (DEPTH, NORMALS):
        mean = outputs.task_features[task.name].mean((2, 3))
        torch.testing.assert_close(rows[GRADIENT + task.name], mean)


def test_a_projection_keeps_lengths_and_angles():
    rows = torch.randn(40, 3000, generator=torch.Generator().manual_seed(0))
    rows[1] = rows[0] + 0.5 * rows[1]
    short = projected(rows, 512)
    assert short.shape == (40, 512)
    torch.testing.assert_close(short.norm(dim=1), rows.norm(dim=1), rtol=0.15, atol=0)
    cosines = torch.nn.functional.cosine_similarity(rows[:1], rows)
    found = torch.nn.functional.cosine_similarity(short[:1], short)
    assert (found - cosines).abs().max() < 0.2
    assert torch.equal(projected(rows[5:9], 512), projected(rows[5:9], 512)), "every batch meets the same one"
    assert torch.equal(projected(rows, 3000), rows)


def test_the_longest_gradients_are_projected_to_the_length_asked_for():
    rows = measured(3, length=8)
    assert rows[GRADIENT + "semseg"].shape == (3, 8)
    assert rows[GRADIENT + "depth"].shape == (3, 6)
    with pytest.raises(RegistryError, match="length must be at least 1"):
        resolve("badge[length=0]").create()


def test_no_row_can_be_taken_for_a_task():
    for name in Badge().measure(made_up_outputs(images=2)):
        assert name not in [task.name for task in TASKS]
        assert name.startswith(".")


def test_draws_are_those_from_gradients_of_all_tasks_side_by_side(pool_of):
    rows = measured(60)
    parts = [rows[GRADIENT + t.name] for t in TASKS]
    parts = [part / np.sqrt((np.linalg.norm(part.astype(np.float64), axis=1) ** 2).mean()) for part in parts]
    unlabelled, dense = np.arange(2, 60), np.concatenate(parts, 1)
    wanted = k_means_plus_plus(dense, 20, (), unlabelled, rng=np.random.default_rng(0))
    assert Badge().select(pool_of(rows, [0, 1]), 20).indices.tolist() == wanted.tolist()


def test_all_tasks_weigh_the_same_whatever_their_scale(pool_of):
    rows = measured(40)
    larger = rows | {GRADIENT + "depth": 1024 * rows[GRADIENT + "depth"]}
    picks = [Badge().select(pool_of(each, [0]), 12).indices.tolist() for each in (rows, larger)]
    assert picks[0] == picks[1]
    for task in TASKS:
        lengths = np.linalg.norm(scaled(rows[GRADIENT + task.name]), axis=1)
        assert np.square(lengths).mean() == pytest.approx(1, rel=1e-5)


def test_no_gradient_is_drawn_twice_while_another_is_left(pool_of):
    rows = {name: np.tile(values, (20, 1)) for name, values in random_rows(10).items()}
    for seed in range(10):
        chosen = Badge().select(pool_of(rows, seed=seed, tasks=(SEMSEG,)), 10).indices
        assert sorted(chosen % 10) == list(range(10))


def test_the_origin_is_no_centre(pool_of):
    rows = random_rows(8)
    rows[GRADIENT + "semseg"][3] = 0  # an image that the network is sure of
    firsts = [Badge().select(pool_of(rows, seed=s, tasks=(SEMSEG,)), 1).indices[0] for s in range(200)]
    assert abs(np.count_nonzero(np.array(firsts) == 3) - 25) < 20  # at 1/8: a standard deviation is 4.7


def test_gradients_that_are_all_zero_leave_a_random_choice(pool_of):
    rows = random_rows(30)
    rows[GRADIENT + "semseg"][:] = 0
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


def test_memory_is_a_few_copies_of_the_rows(pool_of):
    rows = random_rows(4000, 256)
    pool = pool_of(rows, [0], tasks=(SEMSEG,))
    tracemalloc.start()
    Badge().select(pool, 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * rows[GRADIENT + "semseg"].nbytes


def test_gradients_follow_the_features_length():
    outputs = made_up_outputs(images=2)
    depth = Badge().measure(outputs)[GRADIENT + "depth"]
    smaller = Badge().measure(outputs.mapped(lambda tensor: tensor / 2))[GRADIENT + "depth"]
    torch.testing.assert_close(smaller, depth / 2)
