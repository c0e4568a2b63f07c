"""k-means++ by its law."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2, chisquare, ks_2samp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels import k_means_plus_plus as module
from strategies.kernels.k_means_plus_plus import k_means_plus_plus

Array = NDArray[Any]

POINTS = np.array([[0.0, 0], [1, 0], [1, 0], [0, 2], [3, 1], [-2, 5]])


def all_squared_distances(points: Array) -> Array:
    return np.square(points[:, None].astype(np.float64) - points).sum(2)


def probability(squared: Array, drawn: Sequence[int], centres: Sequence[int], allowed: Any) -> float:
    """Of drawing these one after another, by the definition of D^2 sampling."""
    total, known = 1.0, list(centres)
    for at, position in enumerate(drawn):
        weight = squared[known].min(0) if known else np.ones(len(squared))
        left = [other for other in allowed if other not in drawn[:at]]
        weight = weight if weight[left].any() else np.ones(len(squared))
        total *= weight[position] / weight[left].sum()
        known.append(position)
    return total


def law(points: Array, budget: int, labelled: Sequence[int] = (), candidates: Sequence[int] | None = None):
    """Probability of every sequence of draws."""
    allowed = [i for i in range(len(points)) if i not in labelled] if candidates is None else candidates
    squared = all_squared_distances(points)
    sequences = itertools.permutations(allowed, budget)
    return {drawn: probability(squared, drawn, labelled, allowed) for drawn in sequences}


def check_law(draw: Any, expected: dict[tuple[int, ...], float], runs: int) -> None:
    assert sum(expected.values()) == pytest.approx(1)
    seen = Counter(tuple(draw(np.random.default_rng(seed)).tolist()) for seed in range(runs))
    assert all(expected[drawn] > 0 for drawn in seen)
    common = [drawn for drawn, p in expected.items() if p * runs >= 5]
    rest = 1 - sum(expected[drawn] for drawn in common)
    counts = [seen[drawn] for drawn in common] + [runs - sum(seen[drawn] for drawn in common)]
    means = [expected[drawn] * runs for drawn in common] + [rest * runs]
    keep = slice(None) if rest * runs >= 1 else slice(-1)
    expected_counts = np.array(means[keep])
    statistic = ((np.array(counts[keep]) - expected_counts) ** 2 / expected_counts).sum()
    assert chi2.sf(statistic, len(expected_counts) - 1) > 1e-3


@pytest.fixture
def _quick_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threadpool_limits", lambda **_: nullcontext())


@pytest.mark.usefixtures("_quick_calls")
@pytest.mark.parametrize("refresh", ["where it pays", "never", "always"])
def test_sequences_of_draws_have_the_law_of_d_squared_sampling(
    refresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refresh != "where it pays":
        always = refresh == "always"
        monkeypatch.setattr(module.DSquared, "_refresh_pays", lambda _, missed: always and missed > 0)
        monkeypatch.setattr(module, "DRAWS", 2)
    check_law(lambda rng: k_means_plus_plus(POINTS, 3, rng=rng), law(POINTS, 3), 1500)


@pytest.mark.usefixtures("_quick_calls")
def test_labelled_points_are_centres_of_which_none_is_drawn() -> None:
    case: dict[str, Any] = {"budget": 2, "labelled": [4, 1], "candidates": [0, 2, 3, 5]}
    check_law(lambda rng: k_means_plus_plus(POINTS, rng=rng, **case), law(POINTS, **case), 1000)


@pytest.mark.usefixtures("_quick_calls")
def test_many_stale_draws_leave_as_much_distance_as_fresh_ones() -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((6, 3))[rng.integers(6, size=200)] + 0.1 * rng.standard_normal((200, 3))
    squared = all_squared_distances(points)

    def fresh(rng: np.random.Generator) -> list[int]:
        drawn = [int(rng.integers(200))]
        for _ in range(14):
            weight = squared[drawn].min(0)
            drawn.append(int(rng.choice(200, p=weight / weight.sum())))
        return drawn

    def left(drawn: Any) -> float:
        return float(squared[drawn].min(0).sum())

    stale = [left(k_means_plus_plus(points, 15, rng=np.random.default_rng(seed))) for seed in range(300)]
    expected = [left(fresh(np.random.default_rng(seed + 10**6))) for seed in range(300)]
    assert ks_2samp(stale, expected).pvalue > 1e-3


@given(
    count=st.integers(1, 40),
    width=st.integers(0, 4),
    distinct=st.integers(1, 40),
    share=st.sampled_from([0.0, 0.3]),
    some=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_draws_are_different_candidates(
    count: int, width: int, distinct: int, share: float, some: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((distinct, width))[rng.integers(distinct, size=count)].astype(np.float32)
    order = rng.permutation(count)
    labelled, rest = order[: int(share * count)], order[int(share * count) :]
    candidates = rest[: len(rest) // 2 + 1] if some else rest
    budget = int(rng.integers(0, len(candidates) + 1))
    drawn = k_means_plus_plus(points, budget, labelled, candidates, rng=np.random.default_rng(seed))
    assert drawn.dtype == np.int64
    assert drawn.shape == (budget,)
    assert len(set(drawn)) == budget
    assert set(drawn) <= set(candidates)
    again = k_means_plus_plus(points, budget, labelled, candidates, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(drawn, again)
    all_of_them = k_means_plus_plus(points, len(candidates), labelled, candidates, rng=rng)
    assert sorted(all_of_them) == sorted(candidates)


@given(seed=st.integers(0, 10**6), offset=st.sampled_from([0.0, 1e3, 1e7]))
def test_distinct_points_come_before_copies(seed: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    distinct = rng.standard_normal((12, 5)) + offset
    points = distinct[np.r_[np.arange(12), rng.integers(12, size=40)]]
    drawn = k_means_plus_plus(points, 52, rng=rng)
    assert len(np.unique(points[drawn[:12]], axis=0)) == 12
    assert sorted(drawn) == list(range(52))


def test_squared_distances_keep_their_digits_between_close_points() -> None:
    points = np.random.default_rng(0).standard_normal((30, 7)) + 1e6
    points[7], points[9] = points[3], points[3] * (1 + 1e-12)
    everything = module._rows(points, np.arange(30))
    found = everything.squared_distance(everything)
    np.testing.assert_allclose(found, all_squared_distances(points), rtol=1e-7)
    assert found[3, 7] == 0
    assert (np.diag(found) == 0).all()


def test_memory_does_not_hold_a_copy_of_the_features() -> None:
    points = np.random.default_rng(0).standard_normal((20_000, 260), dtype=np.float32)
    tracemalloc.start()
    k_means_plus_plus(points, 200, range(500), rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < points.nbytes / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64])
def test_other_number_types_are_taken_exactly(dtype: type) -> None:
    points = (np.random.default_rng(0).standard_normal((300, 6)) * 20).astype(dtype)
    found = k_means_plus_plus(points, 60, rng=np.random.default_rng(0))
    expected = k_means_plus_plus(points.astype(np.float64), 60, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found, expected)


def test_tensors_in_main_memory_are_taken() -> None:
    points = torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    found = k_means_plus_plus(points, 20, torch.tensor([3, 4]), rng=np.random.default_rng(0))
    expected = k_means_plus_plus(points.numpy(), 20, [3, 4], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_number_of_threads_does_not_matter(threads: int) -> None:
    points = np.random.default_rng(0).standard_normal((3000, 40), dtype=np.float32)
    with threadpool_limits(limits=1):
        drawn = k_means_plus_plus(points, 100, rng=np.random.default_rng(0))
    with threadpool_limits(limits=threads):
        np.testing.assert_array_equal(drawn, k_means_plus_plus(points, 100, rng=np.random.default_rng(0)))


def test_distances_are_not_all_recomputed_for_each_draw() -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((5000, 64), dtype=np.float32)
    search = module.DSquared(points, np.arange(5000), np.arange(0), rng)
    assert len(set(search.draw(300))) == 300
    assert search.seen < 30
    assert search.wasted < 300 * 300


# Defects seen in other implementations.


@pytest.mark.usefixtures("_quick_calls")
def test_the_origin_is_no_centre() -> None:
    points = np.array([[0.0], [0.0], [100.0], [1.0]])
    first = [int(k_means_plus_plus(points, 1, rng=np.random.default_rng(seed))[0]) for seed in range(400)]
    assert chisquare(np.bincount(first, minlength=4)).pvalue > 1e-3


@pytest.mark.usefixtures("_quick_calls")
def test_equal_points_come_in_a_seeded_random_order() -> None:
    points = np.full((30, 3), 0.1)
    orders = [k_means_plus_plus(points, 30, [], rng=np.random.default_rng(seed)) for seed in range(300)]
    assert all(sorted(order) == list(range(30)) for order in orders)
    for place in (0, 1, 29):
        assert len({int(order[place]) for order in orders}) == 30


def test_points_are_left_as_they_were() -> None:
    points = np.random.default_rng(0).standard_normal((200, 4))
    before = points.copy()
    k_means_plus_plus(points, 5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(points, before)


# Wrong input.


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": np.zeros(5)}, r"features have the shape \(5,\)"),
        ({"features": np.array([[0.0], [np.nan], [1.0], [2.0], [3.0]])}, "row 1"),
        ({"features": np.full((5, 1), 1e200), "budget": 2}, "features are too large"),
        ({"budget": 6}, "budget is 6.* 5"),
        ({"budget": -1}, "budget is -1"),
        ({"budget": 4, "labelled": [0, 1]}, "budget is 4.* 3"),
        ({"labelled": [5]}, "labelled holds 5"),
        ({"candidates": [9]}, "candidates holds 9"),
        ({"candidates": [1, 2], "labelled": [2]}, "candidates holds 2, which is labelled"),
    ],
)
def test_wrong_input_of_k_means_plus_plus_is_named(changed: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"features": np.zeros((5, 1)), "budget": 1, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        k_means_plus_plus(**{**right, **changed})
