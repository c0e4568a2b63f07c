"""TypiClust: dense images of clusters without labels, against the definition written anew."""

import numpy as np
import pytest

from baselines.typiclust import TypiClust, typical_first
from strategies.choosing import choose


def mean_distance(vectors, at, neighbours):
    distances = np.sort(np.linalg.norm(vectors.astype(np.float64) - vectors[at], axis=1))[1:]
    return distances[:neighbours].mean()


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("neighbours", [2, 5, 20, 100])
def test_typical_is_near_to_its_nearest_neighbours(neighbours):
    vectors = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    by_definition = np.argsort([mean_distance(vectors, at, neighbours) for at in range(40)])
    found = typical_first(vectors, neighbours, np.random.default_rng(0))
    assert found.tolist() == by_definition.tolist()


def test_the_most_typical_image_of_each_cluster_largest_first(pool_of, blobs):
    vectors, which = blobs(20, 40, 10, 30, 25, width=3)
    chosen = TypiClust().select(pool_of(vectors), 5).indices
    assert which[chosen].tolist() == [1, 3, 4, 0, 2]
    for cluster, image in zip(which[chosen], chosen, strict=True):
        members = np.flatnonzero(which == cluster)
        typical = [mean_distance(unit(vectors)[members], at, 20) for at in range(len(members))]
        assert image == members[np.argmin(typical)]


def test_clusters_without_a_label_come_first(pool_of, blobs):
    vectors, which = blobs(20, 40, 10, 30, 25, width=3)
    chosen = TypiClust(max_clusters=5).select(pool_of(vectors, [25, 70, 71]), 6).indices
    assert which[chosen].tolist() == [4, 0, 2, 1, 4, 0]  # labelled: 1 and 3 twice; then 1 of one each, ...


def test_there_are_as_many_clusters_as_there_will_be_labels(pool_of, blobs):
    vectors, which = blobs(20, 40, 10, 30, 25, width=3)
    chosen = TypiClust().select(pool_of(vectors, [25, 70]), 3).indices
    assert which[chosen].tolist() == [4, 0, 2]


def test_small_clusters_wait_until_nothing_else_is_left(pool_of, blobs):
    vectors, which = blobs(6, 4, 5)
    chosen = choose(TypiClust(max_clusters=3), "typiclust", pool_of(vectors), 15).indices
    assert set(which[chosen[:11]]) == {0, 2}
    assert set(which[chosen[11:]]) == {1}
    assert which[TypiClust(min_size=4).select(pool_of(vectors), 3).indices].tolist() == [0, 2, 1]


def test_copies_are_typical_and_divide_by_nothing(pool_of):
    vectors = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    vectors[20:45] = vectors[20]
    with np.errstate(all="raise"):
        chosen = TypiClust(max_clusters=1).select(pool_of(vectors), 25).indices
    assert set(chosen) == set(range(20, 45))


def test_of_equally_typical_images_any_is_chosen(pool_of):
    firsts = {int(TypiClust().select(pool_of(np.ones((9, 2)), seed=s), 1).indices[0]) for s in range(40)}
    assert len(firsts) > 5


def test_an_image_without_features_does_no_harm(pool_of, blobs):
    vectors, _ = blobs(10, 10)
    vectors[3] = 0
    choose(TypiClust(), "typiclust", pool_of(vectors, [0]), 5)


def test_parameters_below_one_are_refused():
    for name in ("max_clusters", "min_size", "neighbours"):
        with pytest.raises(ValueError, match="must be at least 1"):
            TypiClust(**{name: 0})
