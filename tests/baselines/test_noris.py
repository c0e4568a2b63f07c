"""NORIS, reconstructed: the greedy choice against its definition, and what redundancy costs."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

import baselines  # noqa: F401
from baselines.noris import VECTOR, non_redundant
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.registry import RegistryError, resolve
from strategies.representation import map_pooled, mean_pooled


def choice(vectors, informative, budget, width=1.0, seed=0):
    vectors, informative = np.asarray(vectors, float), np.asarray(informative, float)
    return non_redundant(vectors, informative, budget, width, np.random.default_rng(seed)).tolist()


def collective(order, vectors, informative, width):
    """The sum of what is left of each image when its turn comes."""
    kernel = np.exp(-((cdist(vectors, vectors) / width) ** 2))
    return sum(informative[i] * np.prod([1 - kernel[i, j] for j in order[:at]]) for at, i in enumerate(order))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [0.3, 1, 3])
def test_each_is_the_one_that_adds_most_to_the_collective_information(width, seed):
    rng = np.random.default_rng(seed)
    vectors, informative = rng.standard_normal((12, 3)), rng.random(12)
    chosen = choice(vectors, informative, 6, width)
    for at in range(6):
        gains = {
            image: collective([*chosen[:at], image], vectors, informative, width)
            for image in set(range(12)) - set(chosen[:at])
        }
        assert max(gains, key=gains.get) == chosen[at]


def test_a_copy_of_a_better_image_comes_after_every_other():
    vectors = [[0, 0], [0, 0], [9, 0], [0, 9]]
    assert choice(vectors, [1, 0.9, 0.2, 0.1], 4) == [0, 2, 3, 1]
    apart = choice([[0, 0], [50, 0], [9, 0], [0, 9]], [1, 0.9, 0.2, 0.1], 4)
    assert apart == [0, 1, 2, 3], "far from each other it is the base"


def test_the_choice_is_near_the_best_set_of_its_size():
    rng = np.random.default_rng(3)
    vectors, informative = rng.standard_normal((9, 2)), rng.random(9)
    found = collective(choice(vectors, informative, 3), vectors, informative, 1.0)
    by_worth = [sorted(those, key=lambda i: -informative[i]) for those in combinations(range(9), 3)]
    best = max(collective(order, vectors, informative, 1.0) for order in by_worth)
    assert found > 0.9 * best


def test_images_that_are_equal_fall_at_random():
    assert {choice(np.zeros((4, 2)), np.ones(4), 1, seed=s)[0] for s in range(40)} == {0, 1, 2, 3}


def test_informativeness_is_the_mean_rank_and_features_are_the_tasks_vectors():
    named = resolve("noris[base=entropy,width=0.8]")
    pool = Probe(named).pool(made_up_outputs())
    free = pool.unlabelled
    ranked = np.mean([(rankdata(pool.rows[t.name][free]) - 1) / (len(free) - 1) for t in TASKS], 0)
    vectors = np.concatenate([pool.rows[VECTOR + t.name] for t in TASKS], 1)[free]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 2, rtol=1e-5)  # four of length 1
    expected = free[choice(vectors, ranked, 5, 0.8)]
    assert named.create().select(pool, 5).indices.tolist() == expected.tolist()


def test_vectors_are_of_where_the_base_looks_if_it_says_so():
    outputs = made_up_outputs()
    by_map = Probe(resolve("noris")).measured(outputs)
    flat = Probe(resolve("noris[base=entropy]")).measured(outputs)
    looked = map_pooled(outputs, resolve("inconsistency").create().maps(outputs))
    for task, mean in mean_pooled(outputs).items():
        np.testing.assert_allclose(by_map[VECTOR + task], looked[task], atol=1e-6)
        np.testing.assert_allclose(flat[VECTOR + task], mean, atol=1e-6)


def test_a_width_below_zero_is_refused():
    with pytest.raises(RegistryError, match="width must be 0 or more"):
        resolve("noris[width=-1]").create()
