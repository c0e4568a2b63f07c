"""LCMD on BADGE's gradients and on features: what is compared, and from where it starts."""

import numpy as np
import pytest

import baselines  # noqa: F401
from baselines.badge import GRADIENT
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.kernels.largest_cluster import largest_cluster_max_distance
from strategies.registry import RegistryError, resolve


def chosen_from(vectors, pool, budget):
    rng = np.random.default_rng(0)
    return largest_cluster_max_distance(vectors, budget, pool.labelled, pool.unlabelled, rng=rng).tolist()


def test_tasks_gradients_weigh_the_same():
    named = resolve("lcmd")
    pool = Probe(named).pool(made_up_outputs())
    each = [pool.rows[GRADIENT + task.name].astype(np.float64) for task in TASKS]
    vectors = np.concatenate([rows / np.sqrt(np.square(rows).sum(1).mean()) for rows in each], 1)
    assert named.create().select(pool, 8).indices.tolist() == chosen_from(vectors, pool, 8)


def test_features_of_the_backbone_may_be_compared_instead():
    named = resolve("lcmd[features=backbone]")
    outputs = made_up_outputs()
    pool = Probe(named).pool(outputs)
    vectors = np.concatenate([stage.mean((2, 3)).numpy() for stage in outputs.backbone_features], 1)
    assert named.create().select(pool, 8).indices.tolist() == chosen_from(vectors, pool, 8)


def test_labelled_images_are_centres(pool_of, blobs):
    """Of three blobs one has a label, and the larger of the others comes first."""
    vectors, which = blobs(20, 12, 8)
    chosen = resolve("lcmd[features=backbone]").create().select(pool_of(vectors, [0]), 2).indices
    assert which[chosen].tolist() == [1, 2]


def test_a_gradient_is_projected_onto_so_many_directions():
    rows = Probe(resolve("lcmd[length=4]")).measured(made_up_outputs())
    assert {values.shape[1] for values in rows.values()} == {4}
    with pytest.raises(RegistryError, match="length must be at least 1"):
        resolve("lcmd[length=0]").create()
