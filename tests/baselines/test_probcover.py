"""ProbCover: the largest pure radius and the greedy cover against the definitions written anew."""

import tracemalloc

import numpy as np
import pytest

from baselines.probcover import ProbCover
from strategies.choosing import choose
from strategies.contract import TASKS
from strategies.kernels.ball_cover import greedy_cover, largest_pure_radius
from strategies.registry import RegistryError, resolve


def distances_of(vectors):
    exact = vectors.astype(np.float64)
    return np.array([np.linalg.norm(exact - row, axis=1) for row in exact])


def on_a_circle(*degrees, length=1.0):
    angle = np.deg2rad(degrees)
    return (length * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.float32)


def points(count, width=3, seed=0, copies=1):
    vectors = np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)
    return np.tile(vectors, (copies, 1))


def gains(distances, centres, radius):
    """What each ball would cover that no ball around the centres does."""
    uncovered = ~(distances[centres] < radius).any(0)
    return (distances < radius)[:, uncovered].sum(1)


def cover(vectors, budget, labelled, radius, seed=0):
    candidates = np.setdiff1d(np.arange(len(vectors)), labelled)
    rng = np.random.default_rng(seed)
    return greedy_cover(vectors, budget, np.array(labelled, np.int64), candidates, radius, rng)


@pytest.mark.parametrize("copies", [1, 5])
@pytest.mark.parametrize("labelled", [[], [3], [0, 7, 50, 51]])
def test_every_pick_covers_most_of_what_is_not_covered(labelled, copies):
    vectors = points(1700 // copies, copies=copies)  # more than one tile, and no multiple of any
    distances = distances_of(vectors)
    centres = list(labelled)
    for image in cover(vectors, 25, labelled, 0.8).tolist():
        gain = gains(distances, centres, 0.8)
        assert gain[image] == gain.max()
        centres.append(image)


def test_a_point_at_the_radius_is_outside_however_close_the_others_are():
    line = np.array([[0.0], [1], [2], [3], [4]], np.float32)
    assert gains(distances_of(line), [2], 1.0).tolist() == [1, 1, 0, 1, 1]
    assert sorted(cover(line, 4, [2], 1.0)) == [0, 1, 3, 4]
    assert sorted(cover(line, 2, [2], 1.0 + 1e-6)) in ([0, 3], [0, 4], [1, 3], [1, 4])


def test_differences_that_float32_products_lose_are_settled():
    vectors = (1 + 1e-3 * points(300)).astype(np.float32)  # a thousandth apart, at a length of 1.7
    distances, centres = distances_of(vectors), [0]
    for image in cover(vectors, 10, [0], 1e-3).tolist():
        gain = gains(distances, centres, 1e-3)
        assert gain[image] == gain[1:].max() > 1
        centres.append(image)


def test_once_all_is_covered_the_rest_is_random():
    vectors = points(60)
    batches = [cover(vectors, 6, [0], 100.0, seed).tolist() for seed in range(5)]
    assert len({tuple(batch) for batch in batches}) == 5
    assert all(0 not in batch and len(set(batch)) == 6 for batch in batches)


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_radius_is_the_largest_at_which_enough_balls_are_pure(purity, copies):
    vectors = points(1200 // copies, copies=copies)
    cluster = (vectors[:, 0] > 0).astype(np.int64)
    distances = distances_of(vectors)
    foreign = cluster[:, None] != cluster

    def pure(radius):
        return (~((distances < radius) & foreign).any(1)).mean()

    radius = largest_pure_radius(vectors, cluster, purity)
    assert pure(radius) >= purity
    assert pure(np.nextafter(radius, 9)) < purity


def test_one_cluster_is_pure_at_any_radius():
    assert largest_pure_radius(points(5), np.zeros(5, np.int64), 0.95) == np.inf


def test_the_densest_direction_comes_first_then_what_it_left_uncovered(pool_of):
    vectors = np.concatenate(
        [on_a_circle(0, 2, 4, 6, 8), on_a_circle(90, 92, 94, length=50), on_a_circle(200)]
    )
    first, second, third = ProbCover(delta=0.1).select(pool_of(vectors), 3).indices
    assert (first, third) == (2, 8)
    assert second in (5, 6, 7)
    chosen = ProbCover(delta=0.1).select(pool_of(vectors, [1]), 2).indices  # covers all but the one at 8
    assert chosen[0] in (5, 6, 7)


def test_by_the_rule_one_image_of_each_cluster_is_enough(pool_of, blobs):
    vectors, which = blobs(20, 40, 30, 25, 35, width=3)
    chosen = choose(ProbCover(clusters=5), "probcover", pool_of(vectors), 5).indices
    assert which[chosen].tolist() == [1, 4, 2, 3, 0]


def test_no_image_is_left_out_whatever_the_size_of_the_pool(pool_of):
    """Peers drop the last N mod 500 images."""
    vectors = np.repeat(on_a_circle(0, 120, 240), [400, 300, 237], axis=0)
    for seed in range(3):
        chosen = ProbCover(delta=0.5).select(pool_of(vectors, seed=seed), 3).indices
        assert [np.searchsorted([400, 700], image, "right") for image in chosen.tolist()] == [0, 1, 2]


def test_the_same_seed_gives_the_same_images(pool_of):
    """Peers cluster with a k-means that no seed reaches."""
    picks = [ProbCover().select(pool_of(points(300), seed=7), 20).indices.tolist() for _ in range(3)]
    assert picks[0] == picks[1] == picks[2]


def test_memory_does_not_grow_with_the_pairs(pool_of):
    pool = pool_of(points(40, 8, copies=150), [0], tasks=TASKS[:1])
    ProbCover().select(pool, 1)  # what is imported by it is not counted
    tracemalloc.start()
    ProbCover().select(pool, 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25  # a bit for each of all 36 million pairs is 4.5 MB, a position 288 MB


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("delta=-1", "delta must be 0 or more"),
        ("purity=0", "over 0 and at most 1"),
        ("clusters=0", "at least 1"),
    ],
)
def test_parameters_out_of_range_are_refused(setting, wanted):
    with pytest.raises(RegistryError, match=wanted):
        resolve(f"probcover[{setting}]").create()
