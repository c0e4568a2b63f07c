"""Weighted coverage by brute force, beside max-herding, and what it prefers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

import baselines  # noqa: F401
from baselines._feature_modifier import VECTOR
from baselines.cover import smallest_distance
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Pool
from strategies.registry import RegistryError, resolve

NAMES = [task.name for task in TASKS]


def pool_of(vectors, scores, labelled=(), seed=0):
    """A pool of images with these features and these scores of the tasks (N x T)."""
    count = len(vectors)
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:03d}" for n in range(count)),
        labelled=np.array(labelled, np.int64),
        unlabelled=np.setdiff1d(np.arange(count), labelled),
        rows={VECTOR: np.asarray(vectors, np.float32), **dict(zip(NAMES, np.transpose(scores), strict=True))},
        round=1,
        budget_left=count,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def drawn(count, labelled=(), seed=0):
    rng = np.random.default_rng(seed)
    return pool_of(
        rng.standard_normal((count, 3)) + 0.5, rng.gamma(1, size=(count, 4)) * [1, 9, 5, 2], labelled
    )


def worths(pool, chosen, power, width=None):
    """What the sum over all unlabelled images would be with each image that could be next, summed anew."""
    vectors = pool.rows[VECTOR].astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    width = width or np.sqrt(np.square(unit - unit.mean(0)).sum(1).mean())
    similarity = np.exp(-((cdist(unit, unit) / width) ** 2))
    free = pool.unlabelled
    score = np.mean([(rankdata(pool.rows[t][free]) - 1) / (len(free) - 1) for t in NAMES], 0) ** power
    left = np.setdiff1d(free, chosen).tolist()
    return {i: score @ similarity[np.ix_([*pool.labelled, *chosen, i], free)].max(0) for i in left}


def by_brute_force(pool, budget, power, width=None):
    chosen = []
    for _ in range(budget):
        worth = worths(pool, chosen, power, width)
        chosen.append(max(worth, key=worth.__getitem__))
    return chosen


def picks(options, pool, budget):
    return resolve(f"cover[{options}]").create().select(pool, budget).indices.tolist()


@pytest.mark.parametrize("power", [0, 0.5, 1, 4])
@pytest.mark.parametrize("labelled", [[], [2], [30, 4, 11]])
def test_picks_are_those_of_brute_force(power, labelled):
    pool = drawn(40, labelled, seed=len(labelled))
    assert picks(f"base=inconsistency,power={power}", pool, 8) == by_brute_force(pool, 8, power)


@given(st.integers(4, 14), st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 2.0]))
def test_nothing_else_would_have_added_more(count, seed, power):
    """Two images that are alike to each other alone add the same, so picks themselves are not compared."""
    pool, chosen = drawn(count, [1], seed), []
    for image in picks(f"power={power}", pool, 3):
        worth = worths(pool, chosen, power)
        assert worth[image] >= max(worth.values()) - 1e-6
        chosen.append(image)


def test_the_width_of_the_paper_is_the_smallest_distance_between_labelled_images():
    pool = drawn(60, [1, 2, 3, 4, 5])
    vectors = pool.rows[VECTOR].astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distance = cdist(unit[pool.labelled], unit[pool.labelled])
    width = distance[np.triu_indices(5, 1)].min()
    assert picks("width=labelled", pool, 10) == by_brute_force(pool, 10, 1, width)
    assert picks("width=labelled", pool, 10) != by_brute_force(pool, 10, 1)


def test_a_width_that_no_two_labelled_images_give_is_the_spread():
    copies = np.repeat([[1.0, 2.0], [0.0, 1.0]], [3, 1], 0)
    assert smallest_distance(copies[:3]) == smallest_distance(copies[:1]) == 0
    assert smallest_distance(copies) == pytest.approx(np.sqrt(2))
    pool = drawn(30, [7])
    assert picks("width=labelled", pool, 5) == picks("width=spread", pool, 5)


def test_copies_that_differ_by_rounding_give_no_width():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((12, 40)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    width = smallest_distance(unit)
    assert width > 0.1
    copies = unit + rng.uniform(-1e-7, 1e-7, unit.shape).astype(np.float32)
    assert smallest_distance(np.concatenate([unit, copies])) == pytest.approx(width, rel=1e-5)
    assert smallest_distance(np.stack([unit[0], copies[0]])) == 0


@pytest.mark.parametrize("labelled", [[], [3, 8]])
def test_where_all_scores_are_equal_it_is_max_herding(labelled):
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((80, 5)).astype(np.float32)
    same, herding = pool_of(vectors, np.full((80, 4), 0.3), labelled), drawn(80, labelled)
    herding = Pool(**{**vars(herding), "rows": {"vector": vectors}})
    expected = resolve("max-herding").create().select(herding, 15).indices.tolist()
    assert picks("power=1", same, 15) == expected
    unlike = pool_of(vectors, rng.random((80, 4)), labelled)
    assert picks("power=0", unlike, 15) == expected


def test_neither_an_outlier_of_high_score_nor_a_crowd_of_low_score_comes_first():
    vectors = np.repeat(np.eye(3), [8, 6, 1], 0) + 0.01 * np.random.default_rng(0).standard_normal((15, 3))
    scores = np.repeat([[0.1], [0.8], [0.9]], [8, 6, 1], 0) * np.ones(4)
    assert picks("base=inconsistency", pool_of(vectors, scores), 1)[0] in range(8, 14)
    assert resolve("inconsistency").create().select(pool_of(vectors, scores), 1).indices.tolist() == [14]
    plain = resolve("cover[power=0]").create().select(pool_of(vectors, scores), 1).indices
    assert plain[0] in range(8)


@pytest.mark.parametrize("task", NAMES)
def test_the_scale_of_a_task_does_not_matter(task):
    pool = drawn(40, [1, 2])
    louder = Pool(**{**vars(drawn(40, [1, 2])), "rows": {**pool.rows, task: pool.rows[task] * 1024}})
    assert picks("power=2", pool, 9) == picks("power=2", louder, 9)


def test_scores_are_handed_on_and_one_task_of_the_base_may_decide():
    probe = Probe(resolve("cover[base=entropy]"))
    np.testing.assert_array_equal(
        probe.choose(probe.pool()).scores, Probe(resolve("entropy")).choose(probe.pool()).scores
    )
    pool = drawn(40)
    alone = Pool(**{**vars(drawn(40)), "rows": {VECTOR: pool.rows[VECTOR], "depth": pool.rows["depth"]}})
    assert picks("base=entropy[task=depth]", pool, 6) == picks("base=entropy", alone, 6)


def test_it_sees_the_features_that_density_sees():
    outputs = made_up_outputs()
    rows = [Probe(resolve(f"{name}[base=margin]")).measured(outputs) for name in ("cover", "density")]
    np.testing.assert_array_equal(rows[0][VECTOR], rows[1][VECTOR])


def test_what_cannot_be_is_refused():
    with pytest.raises(RegistryError, match="power must be 0 or more, not -1"):
        resolve("cover[power=-1]").create()
    with pytest.raises(RegistryError, match="width must be spread or labelled"):
        resolve("cover[width=1]")
    with pytest.raises(RegistryError, match="base=core-set does not choose by a score per task"):
        resolve("cover[base=core-set]").create()
