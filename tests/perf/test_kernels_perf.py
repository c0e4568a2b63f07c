"""Time of the selection kernels against what they are measured by: ``pytest -m perf`` prints the table.

One BLAS thread throughout. ``ms_each`` is the best of the rounds for one pick, or for the whole where that is
the unit. Each kernel stands beside a reference: the same by brute force, or the library's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.facility_location import facility_location
from strategies.kernels.k_means_plus_plus import k_means_plus_plus
from strategies.kernels.lloyd import k_means

pytestmark = pytest.mark.perf

COUNT, PICKS = 50_000, 1000
FEW = 20  # picks of a reference of which every one costs the same
Float32s = NDArray[np.float32]
Measure = Callable[[int, Callable[[], object]], None]


@lru_cache(maxsize=2)
def decaying(count: int, width: int) -> Float32s:
    """50 clusters whose spectrum decays as those of network features do."""
    rng, scale = np.random.default_rng(0), (np.arange(1, width + 1) ** -0.7).astype(np.float32)
    middles = 3 * rng.standard_normal((50, width), dtype=np.float32)
    features = rng.standard_normal((count, width), dtype=np.float32)
    features += middles[rng.integers(50, size=count)]
    features *= scale
    return features


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def measure(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> Measure:
    """Time some work and print its milliseconds for each of so many picks."""

    def timed(picks: int, work: Callable[[], object]) -> None:
        benchmark.pedantic(work, rounds=3, iterations=1)
        if benchmark.stats:  # None where benchmarks are disabled
            benchmark.extra_info["ms_each"] = round(benchmark.stats.stats.min / picks * 1e3, 3)
            with capsys.disabled():
                print(f"\n{benchmark.name}: {benchmark.extra_info['ms_each']} ms each")

    return timed


# k-means++.


@pytest.mark.parametrize("width", [128, 512])
def test_k_means_plus_plus_1000_picks(measure: Measure, width: int) -> None:
    features, rng = decaying(COUNT, width), np.random.default_rng(0)
    measure(PICKS, lambda: k_means_plus_plus(features, PICKS, rng=rng))


@pytest.mark.parametrize("width", [128, 512])
def test_eager_k_means_plus_plus_20_picks(measure: Measure, width: int) -> None:
    measure(FEW, lambda: eager(decaying(COUNT, width), FEW))


@pytest.mark.parametrize("width", [128, 512])
def test_scikit_learn_k_means_plus_plus_20_picks(measure: Measure, width: int) -> None:
    from sklearn.cluster import kmeans_plusplus

    features = decaying(COUNT, width)
    measure(FEW, lambda: kmeans_plusplus(features, FEW, n_local_trials=1, random_state=0))


def eager(points: Float32s, budget: int) -> None:
    """Every D^2 brought to date for each pick, and a sum over all to draw from."""
    rng = np.random.default_rng(0)
    norm = np.einsum("ij,ij->i", points, points)
    nearest, pick = np.full(COUNT, np.inf), 0
    for _ in range(budget):
        products = points @ points[pick]
        np.minimum(nearest, np.maximum(norm + norm[pick] - 2 * products, 0), out=nearest)
        nearest[pick] = 0
        pick = int(np.searchsorted(np.cumsum(nearest), rng.random() * nearest.sum()))


# k-means and neighbours: the whole.


@pytest.mark.parametrize("clusters", [100, 500])
def test_k_means_25_rounds(measure: Measure, clusters: int) -> None:
    features, rng = decaying(COUNT, 128), np.random.default_rng(0)
    measure(1, lambda: k_means(features, clusters, rng=rng))


@pytest.mark.parametrize("clusters", [100, 500])
def test_faiss_k_means_25_rounds(measure: Measure, clusters: int) -> None:
    faiss, features = pytest.importorskip("faiss"), decaying(COUNT, 128)
    faiss.omp_set_num_threads(1)
    measure(1, lambda: faiss.Kmeans(128, clusters, niter=25, max_points_per_centroid=COUNT).train(features))


RADIUS = 2.1  # of the decaying features: a hundredth of all pairs


# Coverage.


@pytest.mark.parametrize("labelled", [0, 500])
def test_facility_location_of_10000_with_1000_picks(measure: Measure, labelled: int) -> None:
    features, rng = decaying(10_000, 128), np.random.default_rng(0)
    measure(PICKS, lambda: facility_location(features, PICKS, range(labelled), bandwidth=3.0, rng=rng))


def test_eager_facility_location_of_10000_with_20_picks(measure: Measure) -> None:
    features = decaying(10_000, 128)
    measure(FEW, lambda: eager_facility_location(features, FEW))


def eager_facility_location(features: Float32s, budget: int) -> None:
    """All N x N kernel values held, in float32, and all gains summed for each pick."""
    norm = np.einsum("ij,ij->i", features, features) / 18
    kernel = np.exp(np.minimum(features @ features.T / 9 - norm - norm[:, None], 0))
    cover = np.zeros(len(features), np.float32)
    for _ in range(budget):
        parts = (kernel[at : at + 500] for at in range(0, len(kernel), 500))
        gains = [np.maximum(part - cover, 0).sum(1) for part in parts]
        np.maximum(cover, kernel[np.concatenate(gains).argmax()], out=cover)
