"""Time of the exact greedy k-center against what it is measured by: ``pytest -m perf`` prints the table.

Each case picks 1,000 points from nothing labelled with one BLAS thread; ``ms_per_pick`` is the best of the
rounds. *eager* brings every distance to date for each pick by ``|x|^2 + |c|^2 - 2 x c``; *floor* only reads
the features once for each pick, as any eager implementation must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.diversity import k_center_greedy

pytestmark = pytest.mark.perf

PICKS = 1000
EAGER_PICKS = 50  # every eager pick costs the same
Float32s = NDArray[np.float32]


def gaussian(count: int, width: int) -> Float32s:
    return np.random.default_rng(0).standard_normal((count, width), dtype=np.float32)


def decaying(count: int, width: int) -> Float32s:
    """50 clusters whose spectrum decays as those of network features do."""
    rng, scale = np.random.default_rng(0), (np.arange(1, width + 1) ** -0.7).astype(np.float32)
    middles = 3 * rng.standard_normal((50, width), dtype=np.float32)
    features = rng.standard_normal((count, width), dtype=np.float32)
    features += middles[rng.integers(50, size=count)]
    features *= scale
    return features


def eager(features: Float32s, budget: int) -> None:
    norms = np.einsum("ij,ij->i", features, features)
    nearest, pick = np.full(len(features), np.inf, np.float32), 0
    for _ in range(budget):
        np.minimum(nearest, norms + norms[pick] - 2 * (features @ features[pick]), out=nearest)
        nearest[pick] = -1
        pick = int(nearest.argmax())


def read_once_per_pick(features: Float32s, budget: int) -> None:
    for _ in range(budget):
        features.max()


@lru_cache(maxsize=1)
def data(make: Callable[[int, int], Float32s], count: int, width: int) -> Float32s:
    return make(count, width)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1, user_api="blas"):
        yield


Measure = Callable[[int, Callable[[], object]], None]


@pytest.fixture
def measure(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> Measure:
    """Time some work and print its milliseconds a pick."""

    def timed(picks: int, work: Callable[[], object]) -> None:
        benchmark.pedantic(work, rounds=3, iterations=1)
        if benchmark.stats:  # None where benchmarks are disabled
            benchmark.extra_info["ms_per_pick"] = round(benchmark.stats.stats.min / picks * 1e3, 3)
            with capsys.disabled():
                print(f"\n{benchmark.name}: {benchmark.extra_info['ms_per_pick']} ms a pick")

    return timed


SIZES = [(50_000, 128), (50_000, 512), (200_000, 128)]


@pytest.mark.parametrize(("count", "width"), SIZES)
@pytest.mark.parametrize("make", [gaussian, decaying])
@pytest.mark.parametrize("form", ["plain", "weighted", "5 % labelled"])
def test_lazy_1000_picks(
    measure: Measure, make: Callable[[int, int], Float32s], count: int, width: int, form: str
) -> None:
    features = data(make, count, width)
    weights = np.random.default_rng(1).random(count) if form == "weighted" else None
    labelled = np.arange(count // 20) if form == "5 % labelled" else np.arange(0)
    found: list[NDArray[np.int64]] = []
    measure(
        PICKS,
        lambda: found.append(
            k_center_greedy(features, PICKS, labelled, weights=weights, rng=np.random.default_rng(0))
        ),
    )
    assert len(np.unique(found[0])) == PICKS


@pytest.mark.parametrize(("count", "width"), SIZES)
def test_eager_50_picks(measure: Measure, count: int, width: int) -> None:
    features = data(gaussian, count, width)
    measure(EAGER_PICKS, lambda: eager(features, EAGER_PICKS))


@pytest.mark.parametrize(("count", "width"), SIZES)
def test_floor_of_50_picks(measure: Measure, count: int, width: int) -> None:
    features = data(gaussian, count, width)
    measure(EAGER_PICKS, lambda: read_once_per_pick(features, EAGER_PICKS))
