"""Contextual diversity: mixtures and distances pixel by pixel, the greedy rule, duplicates and ties."""

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax

from baselines.cdal import CONTEXT, Contexts, ContextualDiversity
from strategies.choosing import choose
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import resolve

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS


def mixture_by_pixels(logits):
    """Agarwal et al. 2020, section 3.1, for one image (C x H x W)."""
    classes = len(logits)
    sums, weights = np.zeros((classes, classes)), np.zeros(classes)
    for pixel in logits.reshape(classes, -1).T.astype(np.float64):
        p = softmax(pixel)
        entropy = -(p * np.log(p)).sum()
        sums[p.argmax()] += entropy * p
        weights[p.argmax()] += entropy
    return sums / np.where(weights > 0, weights, 1)[:, None]


def distance(one, other):
    """Half the symmetric divergence, over the classes that both have."""
    both = [c for c in range(len(one)) if one[c].any() and other[c].any()]
    return sum((rel_entr(one[c], other[c]) + rel_entr(other[c], one[c])).sum() / 2 for c in both)


def random_mixtures(count, classes, seed=0, shown=2 / 3):
    """Each class is shown by this share of the images."""
    rng = np.random.default_rng(seed)
    mixtures = rng.dirichlet(np.full(classes, 0.5), (count, classes)).clip(1e-6)
    return (mixtures * (rng.random((count, classes, 1)) < shown)).astype(np.float32)


def farthest_first(distances, labelled, budget):
    centres, picked = list(labelled), []
    for _ in range(budget):
        picked.append(int(distances[:, centres].min(1).argmax()))
        centres.append(picked[-1])
    return picked


@pytest.mark.parametrize("classes", [2, 5])
def test_mixtures_are_entropy_weighted_means_over_the_pixels_of_a_class(classes):
    logits = 2 * torch.randn(3, classes, 3, 2, generator=torch.Generator().manual_seed(classes))
    outputs = made_up_outputs((SEMSEG,), images=3)
    found = ContextualDiversity().measure(outputs.mapped(lambda _: logits))[CONTEXT + "semseg"]
    wanted = [mixture_by_pixels(image) for image in logits.numpy()]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_a_binary_task_has_two_classes():
    outputs = made_up_outputs((SALIENCY,), images=3)
    found = ContextualDiversity().measure(outputs)[CONTEXT + "saliency"]
    logits = outputs.refined["saliency"].numpy()
    wanted = [mixture_by_pixels(np.concatenate([0 * image, image])) for image in logits]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_pixels_that_are_sure_still_make_a_mixture():
    sure = torch.tensor([0.0, 200, 0]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    outputs = made_up_outputs((SEMSEG,), images=2).mapped(lambda _: sure)
    found = ContextualDiversity().measure(outputs)[CONTEXT + "semseg"]
    np.testing.assert_allclose(found, [[[0, 0, 0], [0, 1, 0], [0, 0, 0]]] * 2, rtol=1e-6)


def test_distances_are_those_of_the_definition():
    mixtures = random_mixtures(40, 6)
    wanted = [[distance(one, other) for other in mixtures.astype(np.float64)] for one in mixtures]
    found = Contexts(mixtures).distances(slice(40), np.arange(40))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_images_that_share_no_class_are_at_distance_zero():
    mixtures = np.array([[[0.9, 0.1], [0, 0]], [[0, 0], [0.4, 0.6]], [[0.2, 0.8], [0, 0]]], np.float32)
    found = Contexts(mixtures).distances(slice(3), np.arange(3))
    assert found[0, 1] == found[1, 2] == 0
    assert found[0, 2] == pytest.approx(distance(mixtures[0], mixtures[2]))


def test_equal_images_are_at_distance_zero_and_as_far_from_any_other():
    mixtures = np.tile(random_mixtures(5, 21), (60, 1, 1))
    found = Contexts(mixtures).distances(slice(300), np.arange(300)).reshape(60, 5, 60, 5)
    assert (found == found[:1, :, :1]).all()
    assert (np.diagonal(found, axis1=1, axis2=3) == 0).all()


@pytest.mark.parametrize("labelled", [[0], [5, 17, 3, 40], list(range(200))])
def test_always_the_image_farthest_from_all_that_is_labelled_or_chosen(pool_of, labelled):
    rows = {CONTEXT + "semseg": random_mixtures(300, 5), CONTEXT + "saliency": random_mixtures(300, 2, 1)}
    distances = sum(Contexts(row).distances(slice(300), np.arange(300)) for row in rows.values())
    chosen = ContextualDiversity().select(pool_of(rows, labelled), 12).indices
    assert chosen.tolist() == farthest_first(distances, labelled, 12)


def test_with_nothing_labelled_the_first_is_random(pool_of):
    rows = {CONTEXT + "semseg": random_mixtures(50, 5)}
    pools = [pool_of(rows, seed=seed, tasks=(SEMSEG,)) for seed in range(20)]
    assert len({int(ContextualDiversity().select(pool, 2).indices[0]) for pool in pools}) > 10


def test_duplicates_come_last_and_ties_are_random(pool_of):
    rows = {CONTEXT + "semseg": np.tile(random_mixtures(6, 5, shown=1), (5, 1, 1))}
    batches = set()
    for seed in range(5):
        chosen = choose(ContextualDiversity(), "cdal", pool_of(rows, [0], seed, (SEMSEG,)), 29).indices
        assert sorted(chosen[:5] % 6) == [1, 2, 3, 4, 5]
        batches.add(tuple(chosen[:5]))
    assert len(batches) == 5


def test_tasks_without_classes_are_refused():
    ContextualDiversity().check((DEPTH, SALIENCY))
    with pytest.raises(ValueError, match="depth, normals are of other kinds"):
        resolve("cdal").create().check((DEPTH, NORMALS))
