"""LCMD: every pick against the definition written out, and what it prefers to k-center."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from strategies.kernels.diversity import k_center_greedy
from strategies.kernels.largest_cluster import largest_cluster_max_distance


def picked(features, budget, labelled=(), candidates=None, seed=0):
    return largest_cluster_max_distance(
        features, budget, labelled, candidates, rng=np.random.default_rng(seed)
    ).tolist()


def by_definition(features, budget, labelled, candidates):
    """From the matrix of all distances, anew for every pick."""
    squared = cdist(features, features, "sqeuclidean")
    centres, picks = list(labelled), []
    for _ in range(budget):
        left = [i for i in candidates if i not in picks]
        if not centres:
            best = max(left, key=lambda i: np.square(features[i]).sum())
        else:
            members = {centre: [] for centre in centres}
            for i in candidates:
                members[min(centres, key=lambda centre: squared[i, centre])].append(i)
            sizes = {
                centre: sum(squared[i, centre] for i in those)
                for centre, those in members.items()
                if set(those) & set(left)
            }
            largest = max(sizes, key=sizes.get)
            best = max(set(members[largest]) & set(left), key=lambda i: squared[i, largest])
        centres.append(best)
        picks.append(best)
    return picks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labelled", [0, 1, 7])
@pytest.mark.parametrize("seed", range(4))
def test_every_pick_is_by_the_definition(seed, labelled, dtype):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((60, 5)).astype(dtype)
    order = rng.permutation(60)
    centres, candidates = order[:labelled], np.sort(order[labelled:50])
    expected = by_definition(features.astype(np.float64), 20, centres.tolist(), candidates.tolist())
    assert picked(features, 20, centres, candidates) == expected


@given(st.integers(0, 2**32 - 1))
def test_the_whole_pool_is_taken_once_though_many_are_copies(seed):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (14, 2)).astype(np.float64)
    assert sorted(picked(features, 12, [3, 5], seed=seed)) == [i for i in range(14) if i not in (3, 5)]


def test_many_images_that_are_badly_covered_come_before_an_outlier():
    """Twenty points at distance 3 of one centre; one at distance 8 of the other: k-center takes that."""
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    ring = 3 * np.stack([np.cos(angles), np.sin(angles)], 1)
    features = np.concatenate([[[0, 0], [100, 0], [108, 0]], ring])
    assert k_center_greedy(features, 1, [0, 1], rng=np.random.default_rng(0)).tolist() == [2]
    assert picked(features, 1, [0, 1])[0] > 2


def test_equal_points_and_equal_clusters_fall_at_random():
    alike = {picked(np.ones((6, 2)), 1, [0], seed=s)[0] for s in range(40)}
    assert alike == {1, 2, 3, 4, 5}
    two = np.array([[0.0], [100], [1], [101], [-1], [99]])  # two clusters of two points each, all at 1
    assert {picked(two, 1, [0, 1], seed=s)[0] for s in range(60)} == {2, 3, 4, 5}


def test_with_nothing_labelled_the_longest_comes_first():
    assert picked([[1.0, 0], [0, -5], [3, 0]], 2) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (([[1.0], [np.nan]], 1), "finite"),
        (([[1.0], [2.0]], 3), "budget is 3"),
        (([[1.0], [2.0]], 1, [5]), "labelled holds 5"),
        (([[1.0], [2.0]], 1, [0], [0]), "candidates holds 0, which is labelled"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        picked(*arguments)
