"""Several vectors an image: centres as k-means gives them, of pixels as they are said to be."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.nn.functional import adaptive_avg_pool2d, normalize

from strategies.patches import SIDE, k_means_centres, patches_of
from strategies.random_projection import projected


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_lloyd(points, count, rounds=10):
    """Of one image, in float64, from the points that bring the sum of squared distances down fastest."""
    chosen, between = [], cdist(points, points, "sqeuclidean")
    for _ in range(count):
        chosen.append(min(range(len(points)), key=lambda at: between[[*chosen, at]].min(0).sum()))
    centres = points[chosen].copy()
    for _ in range(rounds):
        nearest = cdist(points, centres, "sqeuclidean").argmin(1)
        for at in range(count):
            if (nearest == at).any():
                centres[at] = points[nearest == at].mean(0)
    return centres


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("size", [5, 30, 100])
def test_centres_are_those_of_lloyds_algorithm(count, size):
    points = drawn(3, size, 6)
    found = k_means_centres(points, count)
    assert found.shape == (3, count, 6)
    for image, centres in zip(points.double().numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(centres, by_lloyd(image, count), atol=1e-6)


def test_an_image_has_the_same_centres_in_any_batch():
    points = drawn(9, 200, 12)
    together = k_means_centres(points, 5)
    alone = torch.cat([k_means_centres(each[None], 5) for each in points])
    np.testing.assert_allclose(together, alone, atol=1e-7)
    mixed = k_means_centres(points[[4, 2, 8]], 5)
    np.testing.assert_allclose(together[[4, 2, 8]], mixed, atol=1e-7)


def test_what_is_clearly_apart_has_a_centre_each_however_small():
    image = torch.zeros(1, 3, 12, 12)
    image[:, 0] = 1.0
    image[:, :, 3:5, 7:9] = torch.tensor([0.0, 1, 0])[:, None, None]
    image[:, :, 9:, :] = torch.tensor([0.0, 0, 1])[:, None, None]
    found = patches_of([image], 3)[0]
    for wanted in torch.eye(3):
        assert (found - wanted).norm(dim=1).min() < 1e-6


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_an_image_that_is_all_the_same_has_copies_of_one_vector(value):
    found = patches_of([torch.full((2, 4, 5, 5), value)], 6)
    expected = normalize(torch.full((4,), value), dim=0).expand(2, 6, 4)
    torch.testing.assert_close(found, expected)


def test_pixels_have_length_1_in_every_map_and_stand_side_by_side():
    one, two = drawn(2, 3, 8, 6), 50 * drawn(2, 5, 4, 3, seed=1)
    pixels = [normalize(adaptive_avg_pool2d(each, (4, 3)), dim=1).flatten(2) for each in (one, two)]
    joined = torch.cat(pixels, 1).transpose(1, 2)
    torch.testing.assert_close(patches_of([one, two], 12), k_means_centres(joined, 12))
    louder = patches_of([one * 1024, two], 3)
    torch.testing.assert_close(louder, patches_of([one, two], 3))


def test_large_maps_are_averaged_first():
    large = drawn(1, 4, 3 * SIDE, 2 * SIDE)
    small = adaptive_avg_pool2d(large, (SIDE, SIDE))
    torch.testing.assert_close(patches_of([large], 4), patches_of([small], 4))


def test_long_vectors_are_projected_before_they_are_clustered():
    maps = drawn(2, 40, 6, 6)
    pixels = normalize(maps, dim=1).flatten(2).transpose(1, 2)
    expected = k_means_centres(projected(pixels, 16), 3)
    torch.testing.assert_close(patches_of([maps], 3, 16), expected)
    assert patches_of([maps], 3, 64).shape == (2, 3, 40)


def test_what_is_not_a_number_stays_so():
    maps = drawn(2, 3, 4, 4)
    maps[1] = torch.nan
    found = patches_of([maps], 3)
    assert found[0].isfinite().all()
    assert found[1].isnan().all()
