"""k-means: one image of each cluster of unlabelled images, the one nearest to its centre."""

import numpy as np

from baselines.k_means import KMeans
from strategies.choosing import choose


def nearest_to_mean(vectors, members):
    exact = vectors[members].astype(np.float64)
    return members[np.linalg.norm(exact - exact.mean(0), axis=1).argmin()]


def test_the_image_nearest_to_each_centre_is_chosen_largest_cluster_first(pool_of, blobs):
    vectors, which = blobs(20, 40, 10, 30, 25, width=3)
    chosen = KMeans().select(pool_of(vectors), 5).indices
    assert which[chosen].tolist() == [1, 3, 4, 0, 2]
    assert chosen.tolist() == [nearest_to_mean(vectors, np.flatnonzero(which == c)) for c in which[chosen]]


def test_only_unlabelled_images_are_clustered(pool_of, blobs):
    vectors, which = blobs(20, 40, 10)
    labelled = [*np.flatnonzero(which == 2), *range(6)]
    chosen = KMeans().select(pool_of(vectors, labelled), 2).indices
    left = [np.flatnonzero(which == 1), np.arange(6, 20)]
    assert chosen.tolist() == [nearest_to_mean(vectors, members) for members in left]


def test_where_fewer_images_differ_than_are_wanted_the_rest_is_random(pool_of):
    vectors = np.repeat(np.eye(3), 10, 0)
    batches = [choose(KMeans(), "k-means", pool_of(vectors, [0], seed), 8).indices for seed in range(5)]
    for batch in batches:
        assert {at // 10 for at in batch[:3]} == {0, 1, 2}
    assert len({tuple(sorted(batch)) for batch in batches}) == 5


def test_images_equally_near_to_a_centre_are_chosen_at_random(pool_of):
    vectors = [[-1, 0], [1, 0], [0, 1], [0, -1]]
    firsts = {int(KMeans().select(pool_of(vectors, seed=seed), 1).indices[0]) for seed in range(30)}
    assert firsts == {0, 1, 2, 3}
