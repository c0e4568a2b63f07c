"""The unified representation: pooling, components, distillation."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from strategies.contract import TASKS, made_up_outputs
from strategies.interface import Shapes
from strategies.representation import (
    Distillation,
    concatenated,
    map_pooled,
    mean_pooled,
    principal_components,
)

NAMES = [task.name for task in TASKS]


def with_features(features):
    return replace(made_up_outputs(images=len(next(iter(features.values())))), task_features=features)


def test_every_tasks_vector_has_length_1_whatever_its_scale():
    outputs = made_up_outputs(images=4)
    scaled = {task: features * 10.0**n for n, (task, features) in enumerate(outputs.task_features.items())}
    for vectors in (
        mean_pooled(with_features(scaled)),
        map_pooled(with_features(scaled), {task: torch.rand(4, 16, 12) for task in NAMES}),
    ):
        assert list(vectors) == NAMES
        for vector in vectors.values():
            torch.testing.assert_close(vector.norm(dim=1), torch.ones(4))


def test_mean_pooling_is_the_mean():
    outputs = made_up_outputs(images=3)
    found = mean_pooled(outputs)["depth"].numpy()
    mean = outputs.task_features["depth"].double().numpy().mean((2, 3))
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean, axis=1, keepdims=True), rtol=1e-5)


def test_features_that_are_all_zero_stay_finite():
    zeros = with_features({task: torch.zeros(2, 6, 4, 3) for task in NAMES})
    for vectors in (mean_pooled(zeros), map_pooled(zeros, {task: torch.zeros(2, 16, 12) for task in NAMES})):
        assert all(torch.equal(vector, torch.zeros(2, 6)) for vector in vectors.values())


def test_map_pooling_describes_the_region_where_the_map_is_high():
    """Features point along axis 0 in the left half and along axis 1 in the right half."""
    features = torch.zeros(2, 6, 4, 4)
    features[:, 0, :, :2], features[:, 1, :, 2:] = 1, 1
    outputs = with_features(dict.fromkeys(NAMES, features))
    left, right = torch.zeros(2, 16, 16)
    left[:, :8], right[:, 8:] = 0.3, 0.3
    vectors = map_pooled(outputs, dict.fromkeys(NAMES, torch.stack([left, right])))
    torch.testing.assert_close(vectors["depth"], torch.eye(6)[:2])


@pytest.mark.parametrize("size", [(16, 12), (4, 3), (2, 3), (13, 7)])
def test_a_map_that_is_the_same_everywhere_gives_the_mean(size):
    outputs = made_up_outputs(images=3)
    for level in (0.0, 1e-6, 5.0):
        maps = {task: torch.full((3, *size), level) for task in NAMES}
        found = map_pooled(outputs, maps)
        for task, vector in mean_pooled(outputs).items():
            torch.testing.assert_close(found[task], vector, atol=1e-5, rtol=1e-4)


def test_negative_values_of_a_map_count_as_nothing():
    outputs, maps = made_up_outputs(images=2), {task: torch.rand(2, 4, 3) - 0.5 for task in NAMES}
    clipped = {task: values.clamp(min=0) for task, values in maps.items()}
    torch.testing.assert_close(map_pooled(outputs, maps), map_pooled(outputs, clipped))


def test_concatenation_keeps_all_tasks_side_by_side():
    vectors = mean_pooled(made_up_outputs(images=3))
    joined = concatenated(vectors)
    assert joined.shape == (3, 6 * len(NAMES))
    torch.testing.assert_close(joined[:, 6:12], vectors[NAMES[1]])


def distances(rows):
    rows = np.asarray(rows, np.float64)
    return np.linalg.norm(rows[:, None] - rows[None], axis=2)


@pytest.mark.parametrize("dimensions", [1, 3, 10])
@pytest.mark.parametrize("offset", [0, 100])
def test_components_keep_the_distances_of_sklearns_pca(dimensions, offset):
    rng = np.random.default_rng(dimensions)
    rows = (rng.standard_normal((60, 10)) * np.arange(1, 11) + offset).astype(np.float32)
    found = principal_components(rows, dimensions)
    assert found.shape == (60, dimensions)
    expected = PCA(dimensions, svd_solver="full").fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(distances(found), distances(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("count", "width"), [(1, 5), (3, 50), (50, 3)])
def test_there_are_no_more_components_than_images_or_channels(count, width):
    rows = np.random.default_rng(0).standard_normal((count, width))
    found = principal_components(rows, 128)
    assert found.shape == (count, min(count, width))
    np.testing.assert_allclose(distances(found), distances(rows), atol=1e-5)  # nothing is lost


@pytest.mark.parametrize(("count", "width"), [(4000, 200), (200, 4000)])
def test_components_take_little_memory_beside_the_rows(count, width):
    rows = np.random.default_rng(0).standard_normal((count, width), np.float32)
    principal_components(rows[:50, :20], 4)  # what a first call imports is none of its memory
    tracemalloc.start()
    principal_components(rows, 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes


def clustered(images, seed):
    """Features of four clusters: each has its own direction in every task, with noise about it."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((4, len(NAMES), 6))
    which = rng.integers(0, 4, images)
    noisy = centres[which][..., None, None] + 0.4 * rng.standard_normal((images, len(NAMES), 6, 4, 3))
    return which, with_features({t: torch.from_numpy(noisy[:, n]).float() for n, t in enumerate(NAMES)})


@pytest.fixture(scope="module")
def distilled():
    """A distillation after 200 steps on clustered features, with its first and last loss."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Distillation(Shapes(TASKS, dict.fromkeys(NAMES, 6), (4, 8)), 3, mean_pooled)
    optimiser, losses = torch.optim.Adam(module.parameters(), 1e-2), []
    for step in range(200):
        loss = module.loss(clustered(16, step + 1)[1], torch.zeros(16, 4), torch.Generator())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return module, losses


def test_distillation_learns_to_give_back_every_task(distilled):
    _, losses = distilled
    assert losses[0] > 0.5 * len(NAMES)  # unrelated directions: 1 - cosine is about 1 a task
    assert np.mean(losses[-10:]) < 0.15 * losses[0]


def test_the_bottleneck_separates_what_the_tasks_tell_apart(distilled):
    which, outputs = clustered(80, 10_000)
    with torch.no_grad():
        vectors = distilled[0](outputs)["unified"].numpy()
    assert vectors.shape == (80, 3)
    apart = distances(vectors)
    same = which[:, None] == which[None]
    assert apart[same].max() < apart[~same].min()


def test_the_loss_is_the_sum_over_tasks_of_1_minus_cosine(distilled):
    module, outputs = distilled[0], clustered(5, 77)[1]
    loss = module.loss(outputs, torch.rand(5, 4), torch.Generator())
    with torch.no_grad():
        unified = module(outputs)["unified"]
        back = {task: decoder(unified).double().numpy() for task, decoder in module.decoders.items()}
    wanted = {task: vector.double().numpy() for task, vector in mean_pooled(outputs).items()}
    norm = np.linalg.norm
    cosines = [(back[t] * wanted[t]).sum(1) / norm(back[t], axis=1) / norm(wanted[t], axis=1) for t in NAMES]
    assert float(loss.detach()) == pytest.approx(np.sum(1 - np.array(cosines), axis=0).mean(), rel=1e-4)


def test_the_loss_looks_at_no_label_and_draws_no_number(distilled):
    module, outputs = distilled[0], clustered(5, 3)[1]
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    one, two = (module.loss(outputs, losses, generator) for losses in (torch.zeros(5, 4), torch.rand(5, 4)))
    assert torch.equal(one, two)
    assert torch.equal(before, generator.get_state())


def test_a_bottleneck_wider_than_all_features_works():
    module = Distillation(Shapes(TASKS, dict.fromkeys(NAMES, 6), (4, 8)), 300, mean_pooled)
    assert module(made_up_outputs(images=1))["unified"].shape == (1, 300)
