"""Greedy coverage against its definition: facility location with a Gaussian kernel and weights."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels import facility_location as module
from strategies.kernels.facility_location import facility_location

Array = NDArray[Any]


def greedy(
    gain: Callable[[list[int]], Array], budget: int, candidates: Array, count: int, rng: np.random.Generator
) -> list[int]:
    """The candidate of largest gain, given those picked before; of equal ones, that of the largest ticket."""
    tickets, picked = rng.random(count), list[int]()
    for _ in range(budget):
        left = np.setdiff1d(candidates, picked)
        gains = gain(picked)[left]
        tied = left[gains == gains.max()]
        picked.append(int(tied[tickets[tied].argmax()]))
    return picked


def kernel_of(features: Array, bandwidth: float) -> Array:
    points = np.asarray(features, np.float64)
    return np.exp(-np.square(points[:, None] - points).sum(2) / (2 * bandwidth**2))


def facility_location_by_definition(
    features: Array,
    budget: int,
    labelled: Sequence[int] = (),
    candidates: Sequence[int] | None = None,
    weights: Array | None = None,
    *,
    bandwidth: float,
    rng: np.random.Generator,
) -> list[int]:
    if np.ndim(features) == 3:
        return of_sets_by_definition(features, budget, labelled, candidates, weights, bandwidth, rng)
    kernel = kernel_of(features, bandwidth)
    share = np.ones(len(kernel)) if weights is None else weights / max(weights.max(), 1e-300)

    def gain(picked: list[int]) -> Array:
        cover = kernel[[*labelled, *picked]].max(0, initial=0)
        return np.round((share * np.maximum(kernel - cover, 0)).sum(1), 7)

    allowed = np.setdiff1d(np.arange(len(kernel)), labelled) if candidates is None else np.array(candidates)
    return greedy(gain, budget, allowed, len(kernel), rng)


def of_sets_by_definition(
    sets: Array,
    budget: int,
    labelled: Sequence[int],
    candidates: Sequence[int] | None,
    weights: Array | None,
    bandwidth: float,
    rng: np.random.Generator,
) -> list[int]:
    count, members, width = sets.shape
    kernel = kernel_of(sets.reshape(-1, width), bandwidth).reshape(count, members, -1).max(1)
    share = np.ones(count) if weights is None else weights / max(weights.max(), 1e-300)

    def gain(picked: list[int]) -> Array:
        cover = kernel[[*labelled, *picked]].max(0, initial=0)
        return np.round((np.repeat(share, members) * np.maximum(kernel - cover, 0)).sum(1), 7)

    allowed = np.setdiff1d(np.arange(count), labelled) if candidates is None else np.array(candidates)
    return greedy(gain, budget, allowed, count, rng)


def same_as_definition(features: Array, budget: int, seed: int = 0, **given_: Any) -> Array:
    found = facility_location(features, budget, rng=np.random.default_rng(seed), **given_)
    expected = facility_location_by_definition(features, budget, rng=np.random.default_rng(seed), **given_)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64
    return found


def normal(count: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def clustered(count: int, width: int, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((6, width))[rng.integers(6, size=count)]
    return (points + 0.1 * rng.standard_normal((count, width))).astype(np.float32)


def with_copies(count: int, width: int, seed: int = 0) -> Array:
    distinct = -(-count // 4)
    return normal(distinct, width, seed)[np.random.default_rng(seed).integers(distinct, size=count)]


def grid(count: int, width: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 3, (count, width)).astype(np.float32)


def weights_of(kind: str, count: int, seed: int = 0) -> Array | None:
    rng = np.random.default_rng(seed)
    drawn: dict[str, Array | None] = {
        "none": None,
        "any": rng.random(count),
        "few": (rng.random(count) < 0.1) * 3.0,
        "zero": np.zeros(count),
        "steep": rng.random(count) ** 40,
    }
    return drawn[kind]


WEIGHTS = ["none", "any", "few", "zero", "steep"]

DATA: dict[str, Callable[..., Array]] = {
    "normal": normal,
    "clustered": clustered,
    "far from the origin": lambda count, width, seed=0: normal(count, width, seed) + np.float32(100),
    "copies": with_copies,
    "grid": grid,
    "equal": lambda count, width, seed=0: np.full((count, width), 0.1),
}


@pytest.fixture(params=["as it is", "no pair kept", "pairs kept late"])
def _memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no pair kept":
        monkeypatch.setattr(module, "PAIRS", -1)
    if request.param == "pairs kept late":
        monkeypatch.setattr(module, "PAIRS", 2000)
        monkeypatch.setattr(module, "ENTRIES", 1000)
        monkeypatch.setattr(module, "SAMPLE", 4)


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize("labelled", [[], [3, 50, 7]])
def test_picks_are_those_of_the_definition(kind: str, labelled: list[int]) -> None:
    for bandwidth in (0.3, 2.0):
        same_as_definition(DATA[kind](300, 4), 60, labelled=labelled, bandwidth=bandwidth)


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize("heavy", WEIGHTS)
def test_picks_with_weights_are_those_of_the_definition(kind: str, heavy: str) -> None:
    same_as_definition(
        DATA[kind](200, 4), 40, labelled=[3, 50], weights=weights_of(heavy, 200), bandwidth=0.5
    )


@given(
    kind=st.sampled_from(sorted(DATA)),
    heavy=st.sampled_from(WEIGHTS),
    count=st.integers(1, 40),
    width=st.integers(0, 5),
    bandwidth=st.sampled_from([1e-3, 0.1, 1.0, 10.0, 1e6]),
    share=st.sampled_from([0.0, 0.3]),
    some=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_picks_of_some_candidates_are_those_of_the_definition(
    kind: str, heavy: str, count: int, width: int, bandwidth: float, share: float, some: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    labelled, rest = order[: int(share * count)], order[int(share * count) :]
    candidates = rest[: len(rest) // 2 + 1] if some else rest
    budget = int(rng.integers(0, len(candidates) + 1))
    given_ = {"labelled": labelled, "candidates": candidates, "bandwidth": bandwidth}
    given_ |= {"weights": weights_of(heavy, count, seed)}
    found = same_as_definition(DATA[kind](count, width, seed), budget, seed, **given_)
    assert set(found) <= set(candidates)
    assert len(set(found)) == budget


@given(
    heavy=st.sampled_from(WEIGHTS),
    count=st.integers(2, 9),
    budget=st.integers(1, 4),
    bandwidth=st.sampled_from([0.3, 1.0, 3.0]),
    seed=st.integers(0, 10**6),
)
def test_a_greedy_set_has_at_least_1_minus_1_over_e_of_the_best(
    heavy: str, count: int, budget: int, bandwidth: float, seed: int
) -> None:
    features, weights = normal(count, 2, seed), weights_of(heavy, count, seed)
    kernel, share = kernel_of(features, bandwidth), np.ones(count) if weights is None else weights

    def covered(chosen: Sequence[int]) -> float:
        return float((share * kernel[list(chosen)].max(0)).sum())

    budget = min(budget, count)
    picks = facility_location(
        features, budget, weights=weights, bandwidth=bandwidth, rng=np.random.default_rng(seed)
    )
    best = max(covered(each) for each in itertools.combinations(range(count), budget))
    assert covered(picks.tolist()) >= (1 - 1 / np.e) * best - 1e-6 * max(1, share.max())


@given(heavy=st.sampled_from(WEIGHTS), bandwidth=st.sampled_from([0.3, 1.0]), seed=st.integers(0, 10**6))
def test_what_anybody_would_add_only_shrinks(heavy: str, bandwidth: float, seed: int) -> None:
    """Submodular: what laziness rests on."""
    count, weights = 30, weights_of(heavy, 30, seed)
    rows = module.distance_rows(normal(count, 3, seed).astype(np.float64), bandwidth)
    weights = np.ones(count) if weights is None else weights
    coverage = module._KernelCoverage(rows, np.arange(count), np.arange(0), weights)
    gains = coverage.gains(np.arange(count))
    for place in np.random.default_rng(seed).permutation(count)[:8].tolist():
        coverage.add(place)
        later = coverage.gains(np.arange(count))
        assert (later <= gains + 1e-7).all()
        assert later[place] == 0
        gains = later


@pytest.mark.parametrize("factor", [1, 0.25, 1e-200, 7e300])
def test_weights_that_are_all_the_same_are_as_none(factor: float) -> None:
    features = clustered(300, 4)
    given_: dict[str, Any] = {"labelled": [3], "bandwidth": 0.5}
    plain = facility_location(features, 60, rng=np.random.default_rng(0), **given_)
    weighted = facility_location(
        features, 60, weights=np.full(300, factor), rng=np.random.default_rng(0), **given_
    )
    np.testing.assert_array_equal(weighted, plain)


def test_the_heavy_ones_are_covered_first() -> None:
    features = np.array([[0.0], [0.1], [0.2], [10.0], [20.0], [20.1]])
    weights = np.array([0.1, 0.1, 0.1, 5.0, 0.5, 0.6])
    picks = facility_location(features, 3, weights=weights, bandwidth=1.0, rng=np.random.default_rng(0))
    assert picks.tolist() == [3, 5, 1]


@pytest.mark.usefixtures("_memory")
@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize("heavy", ["none", "any", "few"])
def test_sets_are_picked_by_the_definition(kind: str, heavy: str) -> None:
    sets = DATA[kind](240, 3).reshape(80, 3, 3)
    for labelled in ([], [3, 50, 7]):
        same_as_definition(sets, 25, labelled=labelled, weights=weights_of(heavy, 80), bandwidth=0.5)


def test_sets_of_one_point_are_points() -> None:
    features, weights = normal(120, 4), weights_of("any", 120)
    given_: dict[str, Any] = {"labelled": [4], "weights": weights, "bandwidth": 1.0}
    picks = [
        facility_location(each, 40, rng=np.random.default_rng(0), **given_)
        for each in (features, features[:, None])
    ]
    np.testing.assert_array_equal(*picks)


def test_all_candidates_can_be_picked() -> None:
    assert sorted(same_as_definition(grid(80, 2), 80, bandwidth=1.0)) == list(range(80))
    assert sorted(same_as_definition(normal(80, 2), 70, labelled=range(10), bandwidth=1.0)) == [
        *range(10, 80)
    ]


def test_the_first_pick_is_where_most_points_are() -> None:
    features = np.array([[0.0], [10.0], [10.2], [10.4], [30.0]])
    assert facility_location(features, 1, bandwidth=1.0, rng=np.random.default_rng(0)).tolist() == [2]
    picks = facility_location(features, 1, labelled=[2], bandwidth=1.0, rng=np.random.default_rng(0))
    assert picks[0] in (0, 4)


@pytest.mark.usefixtures("_memory")
def test_equal_points_come_in_a_seeded_random_order() -> None:
    features = np.full((200, 3), 0.1)
    first = facility_location(features, 200, bandwidth=1.0, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first, np.argsort(-np.random.default_rng(1).random(200)))


def test_a_bandwidth_that_joins_no_two_points_leaves_all_to_chance() -> None:
    first = facility_location(normal(150, 3), 150, bandwidth=1e-4, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first, np.argsort(-np.random.default_rng(1).random(150)))


def test_exactly_one_number_per_point_is_drawn() -> None:
    for budget in (0, 10):
        used, expected = np.random.default_rng(7), np.random.default_rng(7)
        facility_location(normal(50, 3), budget, [4], bandwidth=1.0, rng=used)
        expected.random(50)
        assert used.random() == expected.random()


def test_order_of_labelled_and_candidates_does_not_matter() -> None:
    features, labelled, candidates = grid(300, 3), np.arange(40), np.arange(100, 300)
    first = facility_location(features, 90, labelled, candidates, bandwidth=1.0, rng=np.random.default_rng(0))
    second = facility_location(
        features, 90, labelled[::-1], candidates[::-1], bandwidth=1.0, rng=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_other_number_types_are_taken_exactly(dtype: type) -> None:
    same_as_definition((normal(200, 3) * 20).astype(dtype), 40, bandwidth=15.0)


def test_tensors_in_main_memory_are_taken() -> None:
    features = torch.randn(90, 4, generator=torch.Generator().manual_seed(0))
    found = facility_location(features, 20, bandwidth=1.0, rng=np.random.default_rng(0))
    expected = facility_location(features.numpy(), 20, bandwidth=1.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_number_of_threads_does_not_matter(threads: int) -> None:
    with threadpool_limits(limits=threads):
        same_as_definition(clustered(500, 32), 50, bandwidth=1.0)


def test_features_are_left_as_they_were() -> None:
    features = normal(100, 4).astype(np.float64)
    before = features.copy()
    facility_location(features, 20, bandwidth=1.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("shape", [(5000, 8), (1000, 5, 8)])
def test_memory_does_not_hold_all_pairs(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES", 2**17)
    monkeypatch.setattr(module, "PAIRS", 2**18)
    features = normal(5000, 8).reshape(shape)
    tracemalloc.start()
    facility_location(features, 20, bandwidth=1.0, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5000 * 5000 / 2  # bytes: half of one for each pair


def test_gains_are_not_all_computed_for_each_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, gains = [], module._KernelCoverage.gains

    def counted(coverage: Any, places: Array) -> Array:
        asked.append(len(places))
        return gains(coverage, places)

    monkeypatch.setattr(module._KernelCoverage, "gains", counted)
    facility_location(normal(2000, 8), 200, bandwidth=1.0, rng=np.random.default_rng(0))
    assert sum(asked) < 0.1 * 2000 * 200


# Wrong input.


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": np.zeros(5)}, r"features have the shape \(5,\)"),
        ({"features": np.array([[0.0], [np.nan], [1.0], [2.0], [3.0]])}, "row 1"),
        ({"features": np.full((5, 1), 1e200) * [[1], [2], [3], [4], [5]]}, "features are too large"),
        ({"weights": [1, 2]}, r"weights have the shape \(2,\)"),
        ({"weights": [1, 1, -1, 1, 1]}, "that of point 2 is -1"),
        ({"weights": [1, 1, 1, np.inf, 1]}, "that of point 3 is inf"),
        ({"bandwidth": 0}, "bandwidth is 0"),
        ({"bandwidth": -1.0}, "bandwidth is -1"),
        ({"bandwidth": np.nan}, "bandwidth is nan"),
        ({"bandwidth": np.inf}, "bandwidth is inf"),
        ({"budget": 6}, "budget is 6.* 5"),
        ({"budget": -1}, "budget is -1"),
        ({"budget": 4, "labelled": [0, 1]}, "budget is 4.* 3"),
        ({"labelled": [5]}, "labelled holds 5"),
        ({"candidates": [9]}, "candidates holds 9"),
        ({"candidates": [1, 2], "labelled": [2]}, "candidates holds 2, which is labelled"),
    ],
)
def test_wrong_input_of_facility_location_is_named(changed: dict[str, Any], message: str) -> None:
    right = {"features": np.zeros((5, 1)), "budget": 1, "bandwidth": 1.0, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        facility_location(**{**right, **changed})
