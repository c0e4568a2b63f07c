"""Time of exact greedy k-center against what it is measured by: ``pytest -m perf`` prints the table.

All on one BLAS thread, best of three, processor milliseconds a pick: a busy machine lengthens them less than
those on the clock. Ratios are of one process, one after the other. *eager* brings every distance to date for
each pick by ``|x|^2 + |c|^2 - 2 x c``, *google* takes scikit-learn's distances of all points to each new
centre, *floor* only reads the features once for each pick, as any eager implementation must. Every eager pick
costs the same, so that a few of theirs tell.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.diversity import distributed_k_center, k_center_greedy

pytestmark = [pytest.mark.perf, pytest.mark.benchmark(timer=time.process_time)]

PICKS = 1000
FEW_PICKS = 20  # of implementations whose picks all cost the same
Float32s = NDArray[np.float32]
Maker = Callable[[int, int], Float32s]
Measure = Callable[..., None]


def gaussian(count: int, width: int) -> Float32s:
    return np.random.default_rng(0).standard_normal((count, width), dtype=np.float32)


def clusters(count: int, width: int) -> Float32s:
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((50, width), dtype=np.float32)
    features = rng.standard_normal((count, width), dtype=np.float32)
    features += middles[rng.integers(50, size=count)]
    return features


def relu(count: int, width: int) -> Float32s:
    """50 clusters, negative values cut off: as after a network's last activation."""
    features = clusters(count, width)
    return np.maximum(features, 0, out=features)


def decaying(count: int, width: int) -> Float32s:
    """50 clusters whose spectrum decays as those of network features do."""
    rng, scale = np.random.default_rng(0), (np.arange(1, width + 1) ** -0.7).astype(np.float32)
    middles = 3 * rng.standard_normal((50, width), dtype=np.float32)
    features = rng.standard_normal((count, width), dtype=np.float32)
    features += middles[rng.integers(50, size=count)]
    features *= scale
    return features


def grid(count: int, width: int) -> Float32s:
    """Full of ties."""
    return np.random.default_rng(0).integers(0, 3, (count, width)).astype(np.float32)


def tight(count: int, width: int) -> Float32s:
    """8 clusters in which float32 products cannot tell points apart."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((8, width))
    noise = 1e-5 * rng.standard_normal((count, width))
    return (middles[rng.integers(8, size=count)] + noise).astype(np.float32)


@lru_cache(maxsize=1)
def data(make: Maker, count: int, width: int) -> Float32s:
    return make(count, width)


def eager(features: Float32s) -> None:
    norms = np.einsum("ij,ij->i", features, features)
    nearest, pick = np.full(len(features), np.inf, np.float32), 0
    for _ in range(FEW_PICKS):
        np.minimum(nearest, norms + norms[pick] - 2 * (features @ features[pick]), out=nearest)
        nearest[pick] = -1
        pick = int(nearest.argmax())


def google(features: Float32s) -> None:
    nearest, pick = np.full(len(features), np.inf), 0
    for _ in range(FEW_PICKS):
        distances = pairwise_distances(features, features[[pick]])[:, 0]
        nearest = np.minimum(nearest, distances)
        pick = int(nearest.argmax())


def floor(features: Float32s) -> None:
    for _ in range(FEW_PICKS):
        features.max()


def lazy(features: Any, picks: int = PICKS, labelled: int = 0, weights: Any = None) -> Any:
    rng = np.random.default_rng(0)
    return k_center_greedy(features, picks, range(labelled), weights=weights, rng=rng)


def milliseconds(work: Callable[[], object], picks: int, rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) / picks * 1e3


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.fixture
def measure(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> Measure:
    """Time some picks and print their milliseconds each, beside those of others at the same features."""

    def timed(work: Callable[[], object], picks: int, features: Any = None, **others: Any) -> None:
        benchmark.pedantic(work, rounds=3, iterations=1)
        if not benchmark.stats:  # benchmarks are disabled
            return
        mine = benchmark.stats.stats.min / picks * 1e3
        benchmark.extra_info["ms_per_pick"] = round(mine, 3)
        line = f"\n{benchmark.name}: {mine:.2f} ms a pick"
        for name, other in others.items():
            theirs = milliseconds(lambda other=other: other(features), FEW_PICKS)
            benchmark.extra_info[name] = round(theirs, 3)
            line += f"; {name} {theirs:.2f} ({theirs / mine:.1f} times)"
        with capsys.disabled():
            print(line)

    return timed


SIZES = [(50_000, 128), (50_000, 512), (200_000, 128)]


@pytest.mark.parametrize(("count", "width"), SIZES)
@pytest.mark.parametrize("make", [gaussian, clusters, relu, decaying])
def test_lazy_1000_picks(measure: Measure, make: Maker, count: int, width: int) -> None:
    features, found = data(make, count, width), []
    work = lambda: found.append(lazy(features))  # noqa: E731
    measure(work, PICKS, features, eager=eager, google=google, floor=floor)
    assert len(np.unique(found[0])) == PICKS


@pytest.mark.parametrize(("count", "width"), [(50_000, 512), (200_000, 128), (200_000, 512)])
@pytest.mark.parametrize("make", [gaussian, relu, decaying])
def test_lazy_1000_picks_with_5_percent_labelled(
    measure: Measure, make: Maker, count: int, width: int
) -> None:
    features = data(make, count, width)
    measure(lambda: lazy(features, labelled=count // 20), PICKS, features, eager=eager)


@pytest.mark.parametrize("make", [gaussian, decaying])
def test_lazy_1000_picks_weighted(measure: Measure, make: Maker) -> None:
    features, weights = data(make, 50_000, 512), np.random.default_rng(1).random(50_000)
    measure(lambda: lazy(features, weights=weights), PICKS, features, eager=eager)


@pytest.mark.parametrize("make", [gaussian, relu, decaying])
def test_lazy_1000_picks_of_a_million(measure: Measure, make: Maker) -> None:
    features = data(make, 1_000_000, 128)
    measure(lambda: lazy(features), PICKS, features, eager=eager)


@pytest.mark.parametrize(("make", "width"), [(grid, 8), (tight, 128)])
def test_slow_cases_1000_picks(measure: Measure, make: Maker, width: int) -> None:
    features = data(make, 50_000, width)
    measure(lambda: lazy(features), PICKS, features, eager=eager)


def test_two_rounds_of_8_shards_1000_picks(measure: Measure) -> None:
    features = data(relu, 200_000, 128)

    def work() -> object:
        return distributed_k_center(features, PICKS, shards=8, rng=np.random.default_rng(0))

    measure(work, PICKS, features, eager=eager)


def test_scikit_activeml_20_picks(measure: Measure) -> None:
    pool = pytest.importorskip("skactiveml.pool", reason="scikit-activeml is not installed")
    features = data(relu, 50_000, 512)
    labels = np.full(len(features), np.nan)
    labels[0] = 0
    strategy = pool.CoreSet(random_state=0)
    measure(lambda: strategy.query(features, labels, batch_size=FEW_PICKS), FEW_PICKS)


def test_memory_beside_the_features(capsys: pytest.CaptureFixture[str], benchmark: Any) -> None:
    features = data(relu, 50_000, 512)
    tracemalloc.start()
    benchmark.pedantic(lambda: lazy(features), rounds=1, iterations=1)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    with capsys.disabled():
        print(f"\n{benchmark.name}: {peak:.0f} MB")
    assert peak < 100


@pytest.mark.gpu
@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize(("count", "width"), [(50_000, 512), (1_000_000, 128)])
def test_on_a_gpu_1000_picks(measure: Measure, count: int, width: int) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    features = torch.from_numpy(data(relu, count, width)).cuda()
    measure(lambda: lazy(features), PICKS)
