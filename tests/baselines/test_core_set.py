"""Core-set: greedy k-center on backbone features, against the definition written anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.core_set import CoreSet
from strategies.choosing import choose
from strategies.contract import TASKS, made_up_outputs
from strategies.interface import Pool
from strategies.patches import patches_of


def pool_of(vectors, labelled, seed=0):
    count = len(vectors)
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:03d}" for n in range(count)),
        labelled=np.array(labelled, dtype=np.int64),
        unlabelled=np.setdiff1d(np.arange(count), labelled),
        rows={"vector": vectors},
        round=0,
        budget_left=count,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def farthest_first(vectors, labelled, budget):
    centres, picked = list(labelled), []
    for _ in range(budget):
        nearest = [min(np.linalg.norm(v - vectors[c]) for c in centres) for v in vectors.astype(np.float64)]
        picked.append(int(np.argmax(nearest)))
        centres.append(picked[-1])
    return picked


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("labelled", [[0], [5, 17, 3, 40]])
def test_always_the_image_farthest_from_all_that_is_labelled_or_chosen(offset, labelled):
    vectors = np.random.default_rng(1).standard_normal((60, 4)).astype(np.float32) + np.float32(offset)
    chosen = CoreSet().select(pool_of(vectors, labelled), 12).indices
    assert chosen.tolist() == farthest_first(vectors, labelled, 12)


def test_with_nothing_labelled_the_first_is_random_and_the_rest_farthest():
    vectors = np.random.default_rng(1).standard_normal((60, 4)).astype(np.float32)
    firsts = set()
    for seed in range(20):
        chosen = CoreSet().select(pool_of(vectors, [], seed), 6).indices.tolist()
        firsts.add(chosen[0])
        assert chosen[1:] == farthest_first(vectors, chosen[:1], 5)
    assert len(firsts) > 10  # peers always start at image 0


def test_duplicates_of_labelled_images_come_last():
    vectors = np.random.default_rng(1).standard_normal((30, 4)).astype(np.float32)
    vectors[[4, 9]] = vectors[0]
    chosen = CoreSet().select(pool_of(vectors, [0]), 29).indices
    assert set(chosen[-2:]) == {4, 9}


def test_every_cluster_is_visited_before_any_twice():
    rng = np.random.default_rng(0)
    which = rng.integers(0, 8, 200)
    vectors = (100 * rng.standard_normal((8, 6))[which] + rng.standard_normal((200, 6))).astype(np.float32)
    chosen = choose(CoreSet(), "core-set", pool_of(vectors, [0]), 7).indices
    assert len({which[0], *which[chosen]}) == 8


def test_the_vector_is_the_mean_of_every_stage():
    outputs = made_up_outputs(images=3)
    found = CoreSet().measure(outputs)["vector"].numpy()
    means = [stage.double().numpy().mean((2, 3)) for stage in outputs.backbone_features]
    np.testing.assert_allclose(found, np.concatenate(means, 1), rtol=1e-5, atol=1e-6)
    one = replace(outputs, backbone_features=(torch.ones(3, 2, 4, 4),))
    assert CoreSet().measure(one)["vector"].tolist() == [[1, 1]] * 3


# Several vectors an image


def farthest_set_first(sets, labelled, budget):
    """The image whose worst covered vector is covered worst, by all distances anew for every pick."""
    sets, centres, picked = sets.astype(np.float64), list(labelled), []
    for _ in range(budget):
        seen = np.concatenate([sets[c] for c in centres])
        value = [np.linalg.norm(each[:, None] - seen, axis=2).min(1).max() for each in sets]
        picked.append(int(np.argmax(value)))
        centres.append(picked[-1])
    return picked


@pytest.mark.parametrize("labelled", [[0], [5, 17, 3, 40]])
def test_by_patches_it_is_k_center_of_sets(labelled):
    sets = np.random.default_rng(2).standard_normal((60, 4, 5)).astype(np.float32)
    chosen = choose(CoreSet(level="patch", patches=4), "core-set", pool_of(sets, labelled), 12).indices
    assert chosen.tolist() == farthest_set_first(sets, labelled, 12)


@pytest.mark.parametrize("features", ["backbone", "trunk", "tasks"])
def test_patches_are_of_the_coarsest_stage_or_of_all_tasks(features):
    outputs = made_up_outputs()
    maps = {
        "backbone": [outputs.backbone_features[-1]],
        "trunk": [outputs.trunk_features[-1]],
        "tasks": list(outputs.task_features.values()),
    }
    rows = CoreSet(level="patch", patches=3, features=features).measure(outputs)["vector"]
    assert rows.shape == (24, 3, sum(each.shape[1] for each in maps[features]))
    torch.testing.assert_close(rows, patches_of(maps[features], 3))
    assert CoreSet(features=features).measure(outputs)["vector"].ndim == 2


def test_a_small_thing_that_nothing_labelled_shows_is_chosen_by_patches_and_not_by_means():
    outputs = made_up_outputs(images=6)
    room = torch.ones(6, 4, 12, 12) + 0.01 * torch.randn(
        6, 4, 12, 12, generator=torch.Generator().manual_seed(0)
    )
    room[2, :, 3:5, 3:5] = torch.tensor([-1.0, 1, -1, 1])[:, None, None]  # a thing
    room[4] += torch.tensor([0.3, 0.0, -0.1, -0.1])[:, None, None]  # another light
    outputs = replace(outputs, backbone_features=(room,))
    picks = []
    for level in ("image", "patch"):
        strategy = CoreSet(level=level)
        pool = pool_of(strategy.measure(outputs)["vector"].numpy(), [0])
        picks.append(strategy.select(pool, 1).indices.tolist())
    assert picks == [[4], [2]]


def test_no_patches_are_refused():
    with pytest.raises(ValueError, match="patches must be at least 1, not 0"):
        CoreSet(level="patch", patches=0)


def radius(vectors, labelled, chosen):
    centres = vectors[[*labelled, *chosen]].astype(np.float64)
    return np.linalg.norm(vectors[:, None].astype(np.float64) - centres, axis=2).min(1).max()


def test_more_shards_choose_about_as_well_and_one_is_the_plain_choice():
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((600, 5)).astype(np.float32)
    pool = pool_of(vectors, [3, 500])
    one = CoreSet().select(pool, 30).indices
    found = {}
    for shards in (1, 2, 7, 1000):
        chosen = CoreSet(shards=shards).select(replace(pool, rng=np.random.default_rng(0)), 30).indices
        assert len(set(chosen.tolist()) - {3, 500}) == 30
        found[shards] = radius(vectors, [3, 500], chosen)
    assert found[1] == radius(vectors, [3, 500], one)
    # The bound is twice the plain choice's own; a shard an image looks at all images at once.
    assert max(found.values()) <= 1.3 * found[1]
    assert found[1000] == pytest.approx(found[1])


def test_shards_are_counted_from_one_and_are_of_images():
    for options in ({"shards": 0}, {"shards": 2, "level": "patch"}):
        with pytest.raises(ValueError, match="shards must be at least 1, and 1 for level=patch"):
            CoreSet(**options)
