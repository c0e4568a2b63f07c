from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from strategies.kernels.distributed_k_center import MemoryMap, Shard, pick_in_shard
from strategies.kernels.diversity import distributed_k_center, k_center_greedy, nearest_distance

Array = NDArray[Any]


def clusters(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    middles = 3 * rng.standard_normal((20, width), dtype=np.float32)
    noise = rng.standard_normal((count, width), dtype=np.float32)
    return np.maximum(noise + middles[rng.integers(20, size=count)], 0)


def two_rounds(features: Any, budget: int, seed: int = 0, **given_: Any) -> Array:
    return distributed_k_center(features, budget, rng=np.random.default_rng(seed), **given_)


def radius(features: Array, centres: Iterable[int]) -> float:
    chosen = list(centres)
    return float(nearest_distance(features, features[chosen]).max()) if chosen else np.inf


@given(
    count=st.integers(3, 9),
    budget=st.integers(1, 3),
    labelled=st.integers(0, 2),
    shards=st.integers(1, 4),
    seed=st.integers(0, 10**6),
    grid=st.booleans(),
)
def test_the_radius_is_at_most_four_times_the_smallest_there_is(
    count: int, budget: int, labelled: int, shards: int, seed: int, grid: bool
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 4, (count, 2)).astype(float) if grid else rng.standard_normal((count, 2)) ** 3
    known = rng.permutation(count)[:labelled].tolist()
    budget = min(budget, count - labelled)
    found = two_rounds(features, budget, seed, labelled=known, shards=shards)
    free = [point for point in range(count) if point not in known]
    assert len(set(found)) == budget
    assert set(found) <= set(free)
    best = min(radius(features, [*known, *some]) for some in combinations(free, budget))
    assert radius(features, [*known, *found]) <= 4 * best + 1e-9


def test_the_radius_is_close_to_that_of_one_machine() -> None:
    for seed, shards in enumerate((2, 5, 16)):
        features, known = clusters(6000, 24, seed), list(range(50))
        one = k_center_greedy(features, 120, known, rng=np.random.default_rng(0))
        many = two_rounds(features, 120, labelled=known, shards=shards)
        assert radius(features, [*known, *many]) < 1.15 * radius(features, [*known, *one])


@pytest.mark.parametrize("labelled", [[], [700, 3]])
def test_one_shard_gives_the_picks_of_one_machine(labelled: list[int]) -> None:
    features = clusters(900, 8)
    expected = k_center_greedy(features, 40, labelled, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(two_rounds(features, 40, labelled=labelled, shards=1), expected)


def test_the_order_in_which_shards_finish_does_not_matter() -> None:
    def backwards(function: Callable[[Shard], Array], work: Iterable[Shard]) -> list[Array]:
        return [function(item) for item in reversed(list(work))]

    features = np.round(clusters(1000, 4))
    expected = two_rounds(features, 60, labelled=[5, 900], shards=7)
    found = two_rounds(features, 60, labelled=[5, 900], shards=7, map=backwards)
    np.testing.assert_array_equal(found, expected)
    with ThreadPoolExecutor(2) as pool:
        found = two_rounds(features, 60, labelled=[5, 900], shards=7, map=pool.map)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(two_rounds(features, 60, labelled=[900, 5], shards=7), expected)


@pytest.mark.slow
def test_shards_may_be_picked_in_other_processes(tmp_path: Path) -> None:
    features = clusters(2000, 8)
    np.save(tmp_path / "features.npy", features)
    expected = two_rounds(features, 50, shards=4)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for source in (features, np.load(tmp_path / "features.npy", mmap_mode="r")):
            np.testing.assert_array_equal(two_rounds(source, 50, shards=4, map=pool.map), expected)


def test_the_random_generator_decides_and_one_number_per_point_is_drawn() -> None:
    features = np.zeros((300, 2))
    assert (two_rounds(features, 50, 1, shards=3) == two_rounds(features, 50, 1, shards=3)).all()
    assert (two_rounds(features, 50, 1, shards=3) != two_rounds(features, 50, 2, shards=3)).any()
    used, expected = np.random.default_rng(7), np.random.default_rng(7)
    distributed_k_center(features, 5, shards=3, rng=used)
    expected.random(300)
    assert used.random() == expected.random()


def pickled(function: Callable[[Shard], Array], work: Iterable[Shard]) -> Iterable[Array]:
    """As another process would get them."""
    for item in work:
        sent = pickle.dumps((function, item))
        assert len(sent) < 30_000
        received, shard = pickle.loads(sent)
        yield received(shard)


def test_items_of_a_memory_map_hold_its_path_and_no_rows(tmp_path: Path) -> None:
    features = clusters(1500, 64)
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    expected = two_rounds(features, 30, labelled=[2], shards=3)
    np.testing.assert_array_equal(two_rounds(mapped, 30, labelled=[2], shards=3, map=pickled), expected)
    part, free = mapped[100:1300], np.ones(400, np.bool_)
    expected = two_rounds(features[100:1300], 30, shards=3)
    np.testing.assert_array_equal(two_rounds(part, 30, shards=3, map=pickled), expected)
    lent = MemoryMap(str(tmp_path / "features.npy"), "<f4", int(mapped.offset) + 64 * 4 * 10, (400, 64))
    np.testing.assert_array_equal(lent.open(), features[10:410])
    shard = Shard(10, lent, free, np.arange(400.0), np.empty((0, 64), np.float32), 1)
    assert pick_in_shard(shard).tolist() == [409]


def test_changes_in_memory_to_a_map_are_not_lost(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", clusters(600, 4))
    changed = np.load(tmp_path / "features.npy", mmap_mode="c")
    changed[:300] *= 5
    for source in (changed, changed[:, 1:]):
        expected = two_rounds(np.array(source), 20, shards=3)
        np.testing.assert_array_equal(two_rounds(source, 20, shards=3), expected)


def test_tensors_lists_and_more_shards_than_points() -> None:
    features = clusters(200, 3).astype(np.float64)
    expected = two_rounds(features, 25, labelled=[4], shards=3)
    for source in (torch.from_numpy(features), features.tolist()):
        np.testing.assert_array_equal(two_rounds(source, 25, labelled=[4], shards=3), expected)
    assert sorted(two_rounds(features[:5], 5, shards=40)) == [0, 1, 2, 3, 4]
    assert two_rounds(features, 0, shards=4).tolist() == []
    assert two_rounds(np.empty((0, 3)), 0, shards=4).tolist() == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shards": 0}, "shards is 0, must be at least 1"),
        ({"budget": 10}, "budget is 10.* 9"),
        ({"labelled": [10]}, "labelled holds 10"),
        ({"features": np.zeros(5)}, r"shape \(5,\)"),
        ({"features": np.diag([0.0] * 7 + [np.nan] * 3)}, "begins with row 5: features .* row 2 is not"),
        ({"features": np.diag([0.0] * 9 + [np.inf]), "labelled": [9]}, "row 9, which is labelled"),
    ],
)
def test_wrong_input_is_named(changed: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"features": np.eye(10), "budget": 2, "labelled": [1], "shards": 2}
    with pytest.raises(ValueError, match=message):
        distributed_k_center(**{**right, **changed}, rng=np.random.default_rng(0))
