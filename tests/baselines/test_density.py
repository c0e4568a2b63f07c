"""Information density against the full matrix of cosines, and what it prefers."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import baselines  # noqa: F401
from baselines._feature_modifier import VECTOR
from baselines.density import mean_cosine
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.interface import Pool
from strategies.registry import RegistryError, resolve


def pool_of(rows, seed=0, labelled=0):
    count = len(rows[VECTOR])
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:03d}" for n in range(count)),
        labelled=np.arange(labelled),
        unlabelled=np.arange(labelled, count),
        rows=rows,
        round=0,
        budget_left=count,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def vectors_of(count, width=6, seed=0, offset=1.0):
    return (np.random.default_rng(seed).standard_normal((count, width)) + offset).astype(np.float32)


@pytest.mark.parametrize("count", [1, 5, 511, 512, 1100])
def test_equals_the_mean_over_all_pairs(count):
    vectors = vectors_of(count, offset=0.3)
    expected = 1 - cdist(vectors.astype(np.float64), vectors.astype(np.float64), "cosine").mean(1)
    np.testing.assert_allclose(mean_cosine(vectors), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("width", [3, 7, 64, 515])
def test_equal_vectors_have_one_density_wherever_they_are(width):
    """Otherwise the last bit would order them, where chance should."""
    vectors = np.tile(vectors_of(1, width), (1303, 1))  # more than some blocks, no multiple of four
    assert len(np.unique(mean_cosine(vectors))) == 1


def test_the_length_of_vectors_does_not_matter_and_none_is_no_nan():
    vectors = vectors_of(20)
    longer = vectors * np.linspace(1, 900, 20)[:, None]
    np.testing.assert_allclose(mean_cosine(longer), mean_cosine(vectors), rtol=1e-5)
    vectors[3] = 0
    assert mean_cosine(vectors)[3] == 0
    assert np.isfinite(mean_cosine(vectors)).all()


@pytest.mark.parametrize("power", [0, 0.5, 1, 3])
def test_scores_are_those_of_the_base_times_the_density_to_a_power(power):
    named = resolve(f"density[base=entropy,power={power}]")
    pool = Probe(named).pool(made_up_outputs())
    vectors = pool.rows[VECTOR].astype(np.float64)
    density = np.maximum(0, 1 - cdist(vectors, vectors, "cosine").mean(1)) ** power
    for task, scores in named.create().scores(pool).items():
        np.testing.assert_allclose(scores, pool.rows[task] * density, rtol=1e-6, atol=1e-9, err_msg=task)


def test_the_vector_is_that_of_the_shared_backbone():
    outputs = made_up_outputs()
    rows = Probe(resolve("density[base=margin]")).measured(outputs)
    assert sorted(rows) == [VECTOR, "saliency", "semseg"]
    averages = [stage.double().numpy().mean((2, 3)) for stage in outputs.backbone_features]
    np.testing.assert_allclose(rows[VECTOR], np.concatenate(averages, 1), atol=1e-6)


def test_an_outlier_is_passed_over_for_one_of_many():
    vectors = np.tile([1.0, 0.0], (10, 1))
    vectors[4] = [0, 1]
    scores = np.linspace(0.1, 0.5, 10)
    scores[4], scores[7] = 1.0, 0.9  # the outlier has the highest score
    pool = pool_of({VECTOR: vectors, "depth": scores})
    assert resolve("entropy").create().select(pool, 1).indices.tolist() == [4]
    assert resolve("density[base=entropy]").create().select(pool, 1).indices.tolist() == [7]


def test_images_against_the_grain_of_the_pool_count_for_nothing():
    vectors = np.array([[1.0, 0], [1, 0.1], [1, 0.2], [-1, 0]])
    pool = pool_of({VECTOR: vectors, "depth": np.array([0.3, 0.2, 0.1, 9.0])})
    scores = resolve("density[base=entropy,power=2]").create().scores(pool)["depth"]
    assert scores[3] == 0  # -1 squared would have made it the best
    assert (scores[:3] > 0).all()


def test_scores_below_zero_do_not_prefer_outliers():
    """A predicted loss may be negative; times a density, the less dense would be the higher."""
    vectors = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    pool = pool_of({VECTOR: vectors, "depth": np.array([-2.0, -2.1, -5.0, -2.0, -2.1])})
    scores = resolve("density[base=learning-loss]").create().scores(pool)["depth"]
    assert np.argsort(-scores).tolist()[:2] == [0, 1]
    assert (scores >= 0).all()


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_the_scale_of_a_task_does_not_matter(task):
    """Regression: a peer adds raw scores of different scales."""
    rng = np.random.default_rng(0)
    rows = {VECTOR: vectors_of(40), **{each.name: rng.random(40) for each in TASKS}}
    louder = {**rows, task: rows[task] * 1024}
    one, two = (resolve("density").create().select(pool_of(r, labelled=4), 9) for r in (rows, louder))
    assert one.indices.tolist() == two.indices.tolist()


def test_it_may_be_the_base_of_others_and_of_one_task():
    rng = np.random.default_rng(0)
    rows = {VECTOR: vectors_of(30), **{each.name: rng.random(30) for each in TASKS}}
    alone = resolve("density[task=depth]").create().select(pool_of(rows), 8)
    inside = (
        resolve("maximum[base=density[base=inconsistency[task=depth]]]").create().select(pool_of(rows), 8)
    )
    assert alone.indices.tolist() == inside.indices.tolist()


def test_the_default_base_is_inconsistency():
    assert resolve("density[base=inconsistency,power=1]").name == "density"
    probe, base = Probe(resolve("density")), Probe(resolve("inconsistency"))
    rows = probe.measured(made_up_outputs())
    for task, values in base.measured(made_up_outputs()).items():
        np.testing.assert_array_equal(rows[task], values)


def test_a_negative_power_is_refused():
    with pytest.raises(RegistryError, match="power must be 0 or more"):
        resolve("density[power=-1]").create()
