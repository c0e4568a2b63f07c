"""The unified representation: pooling, components."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from strategies.contract import TASKS, made_up_outputs
from strategies.representation import (
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
