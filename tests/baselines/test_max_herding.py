"""MaxHerding: the image that adds most coverage, by the paper's kernel written anew."""

import numpy as np
import pytest

from baselines.max_herding import MaxHerding
from strategies.choosing import choose
from strategies.coverage import spread
from strategies.registry import RegistryError, resolve


def kernel(vectors, bandwidth):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distance = np.linalg.norm(unit[:, None] - unit, axis=2)
    return np.exp(-np.square(distance / bandwidth))


def most_coverage(similarity, labelled, budget):
    covered = similarity[list(labelled)].max(0, initial=0)
    picked = []
    for _ in range(budget):
        gain = np.maximum(similarity - covered, 0).sum(1)
        picked.append(int(gain.argmax()))
        covered = np.maximum(covered, similarity[picked[-1]])
    return picked


def vectors_of(count, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, 4)) + offset).astype(np.float32)


@pytest.mark.parametrize("labelled", [[], [0], [5, 17, 3, 40]])
@pytest.mark.parametrize("bandwidth", [0.1, 1])
def test_always_the_image_that_adds_most_coverage(pool_of, labelled, bandwidth):
    vectors = vectors_of(150)
    chosen = MaxHerding(bandwidth).select(pool_of(vectors, labelled), 12).indices
    assert chosen.tolist() == most_coverage(kernel(vectors.astype(np.float64), bandwidth), labelled, 12)


def test_without_a_bandwidth_it_is_the_spread_of_the_features(pool_of):
    vectors = vectors_of(150, offset=5.0)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert spread(unit) == pytest.approx(np.sqrt(np.square(unit - unit.mean(0)).sum(1).mean()))
    picks = [MaxHerding(h).select(pool_of(vectors, [3]), 12).indices.tolist() for h in (0.0, spread(unit))]
    assert picks[0] == picks[1]


def test_features_spread_evenly_have_the_papers_bandwidth():
    evenly = np.concatenate([np.eye(6), -np.eye(6)])
    assert spread(evenly) == pytest.approx(1)


def test_the_middle_of_each_cluster_largest_first(pool_of, blobs):
    vectors, which = blobs(20, 40, 30, 25, 35, width=3)
    chosen = choose(MaxHerding(0.1), "max-herding", pool_of(vectors), 5).indices
    assert which[chosen].tolist() == [1, 4, 2, 3, 0]
    chosen = choose(MaxHerding(0.1), "max-herding", pool_of(vectors, [25, 30]), 4).indices
    assert which[chosen].tolist() == [4, 2, 3, 0]


def test_copies_of_what_covers_come_last_and_alike_ones_at_random(pool_of):
    vectors = np.repeat(vectors_of(6), 5, axis=0)
    chosen = MaxHerding().select(pool_of(vectors, [0]), 29).indices
    assert sorted(chosen[:5] // 5) == [1, 2, 3, 4, 5]
    alike = [MaxHerding().select(pool_of(np.ones((20, 3)), [0], seed), 3).indices for seed in range(5)]
    assert len({tuple(batch) for batch in alike}) == 5


def test_a_negative_bandwidth_is_refused():
    with pytest.raises(RegistryError, match="bandwidth must be 0 or more, not -1"):
        resolve("max-herding[bandwidth=-1]").create()
