from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels import _lazy_farthest, _sketched_centres
from strategies.kernels._open_rows import open_rows
from strategies.kernels._points import Points
from strategies.kernels.diversity import k_center_greedy, nearest_distance

Array = NDArray[Any]


def brute_force(
    features: ArrayLike,
    budget: int,
    labelled: Sequence[int] = (),
    candidates: Sequence[int] | None = None,
    weights: Array | None = None,
    *,
    rng: np.random.Generator,
) -> Array:
    """The definition, all distances in float64: what k_center_greedy promises to equal."""
    points = np.asarray(features, dtype=np.float64)
    priority = rng.random(len(points))
    factor = np.ones(len(points)) if weights is None else weights
    free = np.isin(np.arange(len(points)), np.arange(len(points)) if candidates is None else candidates)
    free &= ~np.isin(np.arange(len(points)), labelled)
    squared, picked = np.full(len(points), np.inf), list[int]()
    for centre in labelled:
        squared = np.minimum(squared, np.square(points - points[centre]).sum(1))
    for _ in range(budget):
        value = factor * np.sqrt(squared) if len(labelled) or picked else factor
        tied = np.flatnonzero(free & (value == value[free].max()))
        picked.append(int(tied[priority[tied].argmax()]))
        free[picked[-1]] = False
        squared = np.minimum(squared, np.square(points - points[picked[-1]]).sum(1))
    return np.array(picked, dtype=np.int64)


def same_as_brute_force(features: ArrayLike, budget: int, seed: int = 0, **given_: Any) -> Array:
    found = k_center_greedy(features, budget, rng=np.random.default_rng(seed), **given_)
    expected = brute_force(features, budget, rng=np.random.default_rng(seed), **given_)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64
    return found


def normal(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)


def clustered(count: int, width: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((8, width))[rng.integers(8, size=count)]
    return (points + spread * rng.standard_normal((count, width))).astype(np.float32)


def with_duplicates(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    distinct = -(-count // 4)
    return normal(distinct, width, seed)[np.random.default_rng(seed).integers(distinct, size=count)]


def grid(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).integers(0, 3, (count, width)).astype(np.float32)


def collinear(count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.outer(np.random.default_rng(seed).permutation(count), np.ones(width)).astype(np.float32)


DATA: dict[str, Callable[..., Array]] = {
    "normal": normal,
    "clustered": lambda count, width, seed=0: clustered(count, width, 0.1, seed),
    "tight clusters": lambda count, width, seed=0: clustered(count, width, 1e-5, seed),
    "offset": lambda count, width, seed=0: normal(count, width, seed) + np.float32(1000),
    "duplicates": with_duplicates,
    "grid": grid,
    "collinear": collinear,
    "one outlier": lambda count, width, seed=0: np.vstack(
        [np.full((1, width), 1e6, np.float32), normal(count - 1, width, seed)]
    ),
}


@given(
    kind=st.sampled_from(sorted(DATA)),
    count=st.integers(2, 300),
    width=st.sampled_from([1, 2, 3, 7, 16, 33]),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
    some=st.booleans(),
    share=st.sampled_from([0.0, 0.02, 0.3]),
    double=st.booleans(),
)
def test_picks_are_those_of_float64_brute_force(
    kind: str, count: int, width: int, seed: int, weighted: bool, some: bool, share: float, double: bool
) -> None:
    rng = np.random.default_rng(seed)
    features = DATA[kind](count, width, seed).astype(np.float64 if double else np.float32)
    order = rng.permutation(count)
    labelled, rest = order[: int(share * count)], order[int(share * count) :]
    candidates = rest[: max(1, len(rest) // 2)] if some else None
    budget = min(int(rng.integers(0, 60)), len(rest) if candidates is None else len(candidates))
    weights = rng.choice([0.0, 0.5, 1.0, float(rng.random())], count) if weighted else None
    same_as_brute_force(features, budget, seed, labelled=labelled, candidates=candidates, weights=weights)


@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize("weighted", [False, True])
def test_picks_are_those_of_brute_force_over_many_blocks(kind: str, weighted: bool) -> None:
    weights = np.random.default_rng(5).random(3000) if weighted else None
    same_as_brute_force(DATA[kind](3000, 24), 120, labelled=range(0, 3000, 30), weights=weights)


SMALL_STEPS = {"FIRST_CENTRES": 3, "SPAN": 5, "REACH": (9, 32), "SETTLED": 5, "CONTENDERS": 3, "FEW": 2}


@given(
    kind=st.sampled_from(sorted(DATA)),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
    labelled=st.sampled_from([0, 1, 40]),
)
def test_picks_hold_however_few_points_are_looked_at_at_once(
    kind: str, seed: int, weighted: bool, labelled: int
) -> None:
    rng = np.random.default_rng(seed)
    count, width = int(rng.integers(100, 200)), int(rng.choice([1, 2, 5, 40]))
    weights = rng.choice([0.0, 0.5, 1.0, float(rng.random())], count) if weighted else None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL_STEPS.items():
            patch.setattr(_lazy_farthest, name, value)
        patch.setattr(_lazy_farthest, "SAMPLED", int(rng.choice([8, 1000])))
        patch.setattr(_sketched_centres, "GROUP", 2)
        patch.setattr(_sketched_centres.SketchedCentres, "cells", int(rng.choice([1, 100])))
        features, chosen = DATA[kind](count, width, seed), rng.permutation(count)[:labelled]
        same_as_brute_force(features, int(rng.choice([20, 60])), seed, labelled=chosen, weights=weights)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["normal", "tight clusters", "grid"])
def test_products_in_either_precision_leave_the_nearest_centre_among_the_pairs(
    kind: str, precision: type[np.floating[Any]]
) -> None:
    features = DATA[kind](400, 24)
    table = _sketched_centres.SketchedCentres(Points(open_rows(features)), np.arange(300), 100)
    table.add(np.arange(300, 400))
    if precision == np.float64:
        table._set_precision(np.float64)
    exact = np.square(features[:300, None].astype(float) - features[300:].astype(float)).sum(2)
    seen = np.arange(300) % 90
    pairs = set(zip(*table._near(np.arange(300), seen, np.full(300, np.inf)), strict=True))
    for place in range(300):
        nearest = seen[place] + np.flatnonzero(
            exact[place, seen[place] :] == exact[place, seen[place] :].min()
        )
        assert {(place, centre) for centre in nearest} <= pairs
    assert (table.first_bounds(0, 300, 100) >= exact.min(1)).all()
    assert (table.bounds(np.arange(300), 20, 60) >= exact[:, 20:60].min(1)).all()


def test_float64_takes_over_where_float32_cannot_tell_centres_apart() -> None:
    def precision(features: Array) -> type[Any]:
        table = _sketched_centres.SketchedCentres(Points(open_rows(features)), np.arange(800), 200)
        table.add(np.arange(800, 1000))
        table.near(np.arange(800), np.zeros(800, np.int64), np.full(800, np.inf))
        return table.precision

    assert precision(normal(1000, 16)) is np.float32
    assert precision(clustered(1000, 16, 1e-5)) is np.float64


def test_grid_of_ties_with_more_picks_than_distinct_points() -> None:
    picks = same_as_brute_force(grid(400, 3), 400, seed=3)
    assert sorted(picks) == list(range(400))


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.uint8])
def test_other_number_types_are_taken_exactly(dtype: type) -> None:
    same_as_brute_force((normal(200, 6) * 20 + 100).astype(dtype), 50)


def test_float64_differences_that_float32_cannot_hold_decide() -> None:
    features = np.array([[0.0], [1.0], [1.0 + 1e-12], [1.0 - 1e-12]])
    assert k_center_greedy(features, 1, labelled=[0], rng=np.random.default_rng(0)).tolist() == [2]


def test_one_dimension_halves_the_widest_gap() -> None:
    features = np.array([[0.0], [16.0], [8.0], [4.0], [13.0]])
    assert k_center_greedy(features, 4, labelled=[0], rng=np.random.default_rng(0)).tolist() == [1, 2, 3, 4]


def test_one_point_and_no_point() -> None:
    rng = np.random.default_rng(0)
    assert k_center_greedy([[3.0, 1.0]], 1, rng=rng).tolist() == [0]
    assert k_center_greedy([[3.0, 1.0]], 0, rng=rng).tolist() == []
    assert k_center_greedy([[3.0, 1.0]], 0, labelled=[0], rng=rng).tolist() == []
    assert k_center_greedy(np.empty((0, 4)), 0, rng=rng).tolist() == []


def test_features_without_columns_leave_all_to_chance() -> None:
    assert sorted(k_center_greedy(np.empty((5, 0)), 5, rng=np.random.default_rng(0))) == [0, 1, 2, 3, 4]


def test_identical_points_come_in_a_seeded_random_order() -> None:
    features = np.full((1000, 8), 0.1, np.float32)
    first = k_center_greedy(features, 1000, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first, k_center_greedy(features, 1000, rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(first, np.argsort(-np.random.default_rng(1).random(1000)))
    assert (first != k_center_greedy(features, 1000, rng=np.random.default_rng(2))).any()


def test_zero_weights_leave_all_to_chance() -> None:
    picks = same_as_brute_force(normal(300, 4), 300, weights=np.zeros(300))
    assert sorted(picks) == list(range(300))


def test_weights_are_factors_on_the_distance() -> None:
    features, weights = [[0.0], [1.0], [2.0], [-5.0]], np.array([1.0, 5.1, 2.5, 1.0])
    picks = k_center_greedy(features, 1, labelled=[0], weights=weights, rng=np.random.default_rng(0))
    assert picks.tolist() == [1]


def test_first_pick_without_a_centre_has_the_largest_weight() -> None:
    weights = np.array([0.2, 0.9, 0.4])
    assert k_center_greedy(normal(3, 2), 1, weights=weights, rng=np.random.default_rng(0)).tolist() == [1]


def test_exactly_one_number_per_point_is_drawn() -> None:
    used, expected = np.random.default_rng(7), np.random.default_rng(7)
    k_center_greedy(normal(50, 3), 10, labelled=[4], rng=used)
    expected.random(50)
    assert used.random() == expected.random()


@given(shift=st.sampled_from([-1070, -300, -140, -60, -20, 0, 40, 130, 500, 900]))
def test_scale_of_the_features_does_not_matter(shift: int) -> None:
    features = np.round(normal(200, 5).astype(np.float64) * 16) + 1.0
    scaled = k_center_greedy(features * 2.0**shift, 60, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(scaled, k_center_greedy(features, 60, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("largest", [1e-44, 1e-30, 1e30, 3e38])
def test_float32_features_near_the_ends_of_their_range(largest: float) -> None:
    features = (normal(200, 5) / 8 * np.float32(largest)).astype(np.float32)
    same_as_brute_force(features, 60)


def test_order_of_the_points_does_not_matter() -> None:
    features, order = normal(500, 6), np.random.default_rng(1).permutation(500)
    first = k_center_greedy(features, 80, labelled=[0], rng=np.random.default_rng(0))
    start = np.flatnonzero(order == 0)
    moved = k_center_greedy(features[order], 80, labelled=start, rng=np.random.default_rng(9))
    np.testing.assert_array_equal(order[moved], first)


def test_order_of_labelled_and_candidates_does_not_matter() -> None:
    features, labelled, candidates = grid(300, 3), np.arange(40), np.arange(100, 300)
    first = k_center_greedy(features, 90, labelled, candidates, rng=np.random.default_rng(0))
    second = k_center_greedy(features, 90, labelled[::-1], candidates[::-1], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(first, second)


def test_memory_layout_does_not_matter() -> None:
    for features in (normal(400, 8), np.round(normal(400, 40), 1).astype(np.float64)):
        first = k_center_greedy(features, 80, rng=np.random.default_rng(0))
        by_column = k_center_greedy(np.asfortranarray(features), 80, rng=np.random.default_rng(0))
        np.testing.assert_array_equal(first, by_column)


def test_features_are_left_as_they_were() -> None:
    features = normal(300, 4) * np.float32(2.0**40)
    before = features.copy()
    k_center_greedy(features, 50, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("threads", [1, 2])
def test_number_of_blas_threads_does_not_matter(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        _lazy_farthest, "threadpool_limits", lambda **_: nullcontext()
    )  # its own limit of one
    with threadpool_limits(limits=threads, user_api="blas"):
        same_as_brute_force(clustered(1000, 64, 0.01), 100)


def test_memory_holds_neither_pairs_nor_a_copy_of_the_features() -> None:
    count, width, labelled = 20_000, 256, 1_000
    features = normal(count, width)
    tracemalloc.start()
    k_center_greedy(features, 50, labelled=range(labelled), rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes / 2
    assert peak < count * labelled / 2  # bytes: half of one for each pair


# Defects seen in other implementations.


def test_nothing_labelled_does_not_always_start_at_item_0() -> None:
    features = normal(50, 3)
    starts = [k_center_greedy(features, 1, rng=np.random.default_rng(seed))[0] for seed in range(400)]
    assert len(set(starts)) == 50
    assert max(np.bincount(starts)) < 30


def test_duplicates_of_labelled_points_come_last_whatever_the_rounding() -> None:
    # Rounding leaves the squared distance of some duplicates below 0: a NaN root, which argmax picks.
    distinct = normal(100, 40) * np.float32(0.01) + np.float32(77.7)
    features = np.vstack([distinct, distinct[:50]])
    picks = k_center_greedy(features, 100, labelled=range(50), rng=np.random.default_rng(0))
    assert sorted(picks[:50]) == list(range(50, 100))
    assert sorted(picks[50:]) == list(range(100, 150))


def test_distances_are_not_all_recomputed_for_each_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    table, pairs = _sketched_centres.SketchedCentres, []
    bounds, near = table.bounds, table._near

    def counted_bounds(self: Any, places: Array, start: int, stop: int) -> Array:
        pairs.append(len(places))
        return bounds(self, places, start, stop)

    def counted_near(self: Any, places: Array, seen: Array, upper: Array) -> tuple[Array, Array]:
        pairs.append(len(places) * (self.count - int(seen.min())))
        return near(self, places, seen, upper)

    monkeypatch.setattr(table, "bounds", counted_bounds)
    monkeypatch.setattr(table, "_near", counted_near)
    k_center_greedy(normal(20_000, 32), 300, rng=np.random.default_rng(0))
    assert sum(pairs) < 0.2 * 20_000 * 300


def test_labelled_points_are_neither_picked_nor_picked_twice() -> None:
    features = np.repeat(normal(30, 4), 4, axis=0)
    picks = k_center_greedy(features, 90, labelled=range(30), rng=np.random.default_rng(0))
    assert sorted(picks) == list(range(30, 120))


# Wrong input.


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": np.zeros(5)}, r"shape \(5,\)"),
        ({"features": np.array([[0.0], [np.nan], [1.0], [2.0], [3.0]])}, "row 1"),
        ({"features": np.array([[0.0], [1.0], [1.0], [2.0], [-np.inf]])}, "row 4"),
        ({"budget": 6}, "budget is 6.* 5"),
        ({"budget": -1}, "budget is -1"),
        ({"budget": 4, "labelled": [0, 1]}, "budget is 4.* 3"),
        ({"budget": 2, "candidates": [3]}, "budget is 2.* 1"),
        ({"labelled": [5]}, "labelled holds 5"),
        ({"labelled": [-1]}, "labelled holds -1"),
        ({"labelled": [2, 2]}, "labelled holds 2 more than once"),
        ({"labelled": [0.5]}, "labelled must be"),
        ({"candidates": [9]}, "candidates holds 9"),
        ({"candidates": [1, 3, 1]}, "candidates holds 1 more than once"),
        ({"candidates": [1, 2], "labelled": [2]}, "candidates holds 2, which is labelled"),
        ({"weights": [1.0, 1.0]}, r"shape \(2,\)"),
        ({"weights": [1.0, -1.0, 1.0, 1.0, 1.0]}, "point 1 is -1"),
        ({"weights": [1.0, 1.0, 1.0, np.nan, 1.0]}, "point 3 is nan"),
    ],
)
def test_wrong_input_is_named(changed: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"features": np.zeros((5, 1)), "budget": 1, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        k_center_greedy(**{**right, **changed})


# Nearest distance.


@pytest.mark.parametrize("kind", sorted(DATA))
def test_nearest_distance_is_that_of_all_pairs(kind: str) -> None:
    features = DATA[kind](1200, 9)
    centres = features[::50]
    pairs = features[:, None].astype(np.float64) - centres.astype(np.float64)
    expected = np.sqrt(np.square(pairs).sum(2)).min(1)
    np.testing.assert_allclose(nearest_distance(features, centres), expected, rtol=1e-6, atol=1e-9)


def test_nearest_distance_of_no_points_and_to_no_centres() -> None:
    assert nearest_distance(np.empty((0, 3)), np.zeros((1, 3))).shape == (0,)
    assert nearest_distance(np.zeros((2, 3)), np.empty((0, 3))).tolist() == [np.inf, np.inf]
    with pytest.raises(ValueError, match=r"shape \(2, 4\), must be rows of 3 values"):
        nearest_distance(np.zeros((2, 3)), np.zeros((2, 4)))
