"""Greedy k-center of sets against its definition, against k-center of points, and in memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from strategies.kernels import k_center_of_sets as module
from strategies.kernels.k_center import k_center_greedy
from strategies.kernels.k_center_of_sets import k_center_of_sets

Array = NDArray[Any]


def by_definition(
    sets: Array,
    budget: int,
    labelled: Any = (),
    candidates: Any = None,
    weights: Array | None = None,
    *,
    rng: np.random.Generator,
) -> list[int]:
    """All distances of all points, anew for every pick."""
    points, tickets = np.asarray(sets, np.float64), rng.random(len(sets))
    factors = np.ones(len(points)) if weights is None else weights
    between = np.sqrt(np.square(points[:, None, :, None] - points[None, :, None]).sum(-1))
    chosen, left = list(labelled), set(range(len(points))) - set(labelled)
    left &= left if candidates is None else set(candidates)
    for _ in range(budget):

        def value(each: int) -> tuple[float, float]:
            distance = between[each, chosen].min((0, 2)).max() if chosen else 1.0
            return factors[each] * distance, tickets[each]

        chosen.append(max(left, key=value))
        left.remove(chosen[-1])
    return chosen[len(labelled) :]


def same_as_definition(sets: Array, budget: int, seed: int = 0, **given_: Any) -> Array:
    found = k_center_of_sets(sets, budget, rng=np.random.default_rng(seed), **given_)
    assert found.tolist() == by_definition(sets, budget, rng=np.random.default_rng(seed), **given_)
    assert found.dtype == np.int64
    return found


def normal(count: int, members: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, members, width)).astype(np.float32)


def grid(count: int, members: int, width: int, seed: int = 0) -> Array:
    """Many equal distances, and copies of points and of sets."""
    return np.random.default_rng(seed).integers(0, 3, (count, members, width)).astype(np.float32)


@pytest.fixture(params=["as it is", "few at once"])
def _small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "few at once":
        monkeypatch.setattr(module, "FIRST_CENTRES", 3)
        monkeypatch.setattr(module, "SETS", 2)
        monkeypatch.setattr(module, "TILE", 40)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("kind", [normal, grid])
@pytest.mark.parametrize("labelled", [[], [5], [9, 50, 3, 7, 22, 60, 61, 33]])
def test_picks_are_those_of_the_definition(kind: Any, labelled: list[int]) -> None:
    sets = kind(90, 4, 3)
    same_as_definition(sets, 30, labelled=labelled)
    weights = np.random.default_rng(1).random(90) * (np.arange(90) % 3 > 0)
    same_as_definition(sets, 30, labelled=labelled, weights=weights)


@given(
    kind=st.sampled_from([normal, grid]),
    count=st.integers(1, 14),
    members=st.integers(1, 4),
    share=st.sampled_from([0.0, 0.4]),
    some=st.booleans(),
    heavy=st.sampled_from(["none", "any", "zero"]),
    seed=st.integers(0, 10**6),
)
def test_picks_of_some_candidates_are_those_of_the_definition(
    kind: Any, count: int, members: int, share: float, some: bool, heavy: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    labelled, rest = order[: int(share * count)], order[int(share * count) :]
    candidates = rest[: len(rest) // 2 + 1] if some else rest
    weights = {"none": None, "any": rng.random(count), "zero": np.zeros(count)}[heavy]
    budget = int(rng.integers(0, len(candidates) + 1))
    given_ = {"labelled": labelled.tolist(), "candidates": candidates.tolist(), "weights": weights}
    found = same_as_definition(kind(count, members, 2, seed), budget, seed, **given_)
    assert len(set(found.tolist())) == budget


@pytest.mark.parametrize("labelled", [[], [3, 40]])
@pytest.mark.parametrize("weighted", [False, True])
def test_sets_of_one_point_are_k_center_of_points(labelled: list[int], weighted: bool) -> None:
    points = normal(200, 1, 6)
    weights = np.random.default_rng(3).random(200) if weighted else None
    expected = k_center_greedy(points[:, 0], 60, labelled, weights=weights, rng=np.random.default_rng(0))
    found = k_center_of_sets(points, 60, labelled, weights=weights, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found, expected)


def test_one_point_that_nothing_shows_is_enough_where_a_mean_hides_it() -> None:
    plain = np.zeros((6, 4, 2), np.float32)
    plain += 0.1 * np.random.default_rng(0).standard_normal(plain.shape).astype(np.float32)
    plain[3, 2] = [2.0, 0.0]  # a small thing in one image
    plain[4] += 0.6  # another that is a little unlike the others as a whole
    assert k_center_of_sets(plain, 1, [0], rng=np.random.default_rng(0)).tolist() == [3]
    mean = plain.mean(1)
    assert k_center_greedy(mean, 1, [0], rng=np.random.default_rng(0)).tolist() == [4]


def test_the_order_of_a_sets_points_and_copies_of_them_do_not_matter() -> None:
    sets = grid(40, 4, 2)
    shuffled = np.stack([each[np.random.default_rng(n).permutation(4)] for n, each in enumerate(sets)])
    doubled = np.concatenate([sets, sets[:, :2]], 1)
    expected = k_center_of_sets(sets, 20, [1], rng=np.random.default_rng(0))
    for other in (shuffled, doubled):
        np.testing.assert_array_equal(
            k_center_of_sets(other, 20, [1], rng=np.random.default_rng(0)), expected
        )


def test_equal_sets_come_in_a_seeded_random_order() -> None:
    found = k_center_of_sets(np.full((50, 3, 2), 0.1), 50, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(found, np.argsort(-np.random.default_rng(1).random(50)))


def test_memory_is_that_of_the_points_and_no_pairs_are_held() -> None:
    sets = normal(4000, 5, 8)
    k_center_of_sets(sets[:10], 2, rng=np.random.default_rng(0))  # imports
    tracemalloc.start()
    k_center_of_sets(sets, 10, range(200), rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 2**20  # one byte for each pair of points would be 380 MB


def test_few_distances_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, to_nearest = [], module._LazyFarthest._to_nearest

    def counted(search: Any, places: Array, others: Array) -> Array:
        asked.append(len(places) * len(others) // search.points.shape[1])
        return to_nearest(search, places, others)

    monkeypatch.setattr(module._LazyFarthest, "_to_nearest", counted)
    k_center_of_sets(normal(1000, 4, 32), 200, [0], rng=np.random.default_rng(0))
    assert sum(asked) < 0.6 * 1000 * 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sets": np.zeros((5, 2))}, r"sets have the shape \(5, 2\)"),
        ({"sets": np.zeros((5, 0, 2))}, "k at least 1"),
        ({"sets": np.full((5, 2, 1), np.nan)}, "points of sets must be finite"),
        ({"budget": 6}, "budget is 6.* 5"),
        ({"labelled": [5]}, "labelled holds 5"),
        ({"candidates": [1, 2], "labelled": [2]}, "candidates holds 2, which is labelled"),
        ({"weights": [1, 2]}, "weights have the shape"),
    ],
)
def test_wrong_input_is_named(changed: dict[str, Any], message: str) -> None:
    right = {"sets": np.zeros((5, 2, 1)), "budget": 1, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        k_center_of_sets(**{**right, **changed})
