"""k-means against Lloyd's algorithm written anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from strategies.kernels.k_means_plus_plus import k_means_plus_plus
from strategies.kernels.lloyd import k_means

Array = NDArray[Any]


def test_the_global_random_stream_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    k_means(np.random.default_rng(0).standard_normal((50, 3)), 5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def lloyd(points: Array, centres: Array, iterations: int) -> tuple[Array, Array]:
    points, cluster = points.astype(np.float64), None
    for _ in range(iterations):
        nearest = np.square(points[:, None] - centres).sum(2).argmin(1)
        centres = np.stack([points[nearest == at].mean(0) for at in range(len(centres))])
        if cluster is not None and (nearest == cluster).all():
            break
        cluster = nearest
    return centres, np.square(points[:, None] - centres).sum(2).argmin(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("iterations", [1, 3, 100])
def test_rounds_are_those_of_lloyd_from_a_k_means_plus_plus_start(dtype: type, iterations: int) -> None:
    points = np.random.default_rng(0).standard_normal((1100, 4)).astype(dtype)
    start = points[k_means_plus_plus(points, 12, rng=np.random.default_rng(5))]
    centres, cluster = k_means(points, 12, rng=np.random.default_rng(5), iterations=iterations)
    expected = lloyd(points, start.astype(np.float64), iterations)
    np.testing.assert_allclose(centres, expected[0], atol=1e-4 if dtype == np.float32 else 1e-10)
    assert (cluster == expected[1]).mean() > (0.999 if dtype == np.float32 else 1 - 1e-9)
    assert centres.dtype == dtype
    assert cluster.dtype == np.int64


@given(
    count=st.integers(1, 60),
    distinct=st.integers(1, 20),
    clusters=st.integers(1, 70),
    offset=st.sampled_from([0.0, 1e4]),
    seed=st.integers(0, 10**6),
)
def test_every_point_has_a_cluster_and_every_cluster_a_point(
    count: int, distinct: int, clusters: int, offset: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    points = (rng.standard_normal((distinct, 3))[rng.integers(distinct, size=count)] + offset).astype(
        np.float32
    )
    centres, cluster = k_means(points, clusters, rng=rng)
    assert cluster.shape == (count,)
    assert sorted(set(cluster)) == list(range(len(centres)))
    assert len(centres) <= min(clusters, len(np.unique(points, axis=0)))
    assert np.isfinite(centres).all()


def test_with_clusters_for_all_distinct_points_each_has_its_own() -> None:
    distinct = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)
    points = distinct[np.arange(40) % 9]
    for clusters in (9, 10, 40, 1000):
        centres, cluster = k_means(points, clusters, rng=np.random.default_rng(0))
        assert len(centres) == 9
        np.testing.assert_allclose(centres[cluster], points, rtol=1e-5)


@pytest.mark.parametrize("largest", [1e-300, 1e-40, 1e30, 1e300])
def test_scale_of_the_features_does_not_matter(largest: float) -> None:
    rng = np.random.default_rng(0)
    blobs = np.repeat(np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.0]]), 30, axis=0)
    points = (blobs + 0.01 * rng.standard_normal((90, 2))) * largest
    centres, cluster = k_means(points, 3, rng=rng)
    assert [len(set(cluster[at : at + 30])) for at in (0, 30, 60)] == [1, 1, 1]
    assert len(set(cluster)) == 3
    np.testing.assert_allclose(centres[cluster] / largest, blobs, atol=0.02)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": np.zeros((0, 2))}, "no rows"),
        ({"features": np.full((5, 2), np.nan)}, "row 0"),
        ({"clusters": 0}, "clusters is 0"),
        ({"iterations": 0}, "iterations is 0"),
    ],
)
def test_wrong_input_of_k_means_is_named(changed: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"features": np.zeros((5, 1)), "clusters": 1, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=message):
        k_means(**{**right, **changed})


@pytest.mark.parametrize("threads", [1, 2])
def test_number_of_threads_does_not_matter(threads: int) -> None:
    points = np.random.default_rng(0).standard_normal((3000, 40), dtype=np.float32)
    with threadpool_limits(limits=1):
        clusters = k_means(points, 20, rng=np.random.default_rng(0), iterations=5)
    with threadpool_limits(limits=threads):
        again = k_means(points, 20, rng=np.random.default_rng(0), iterations=5)
    np.testing.assert_array_equal(clusters[0], again[0])
    np.testing.assert_array_equal(clusters[1], again[1])


def test_tensors_in_main_memory_are_taken_and_points_left_as_they_were() -> None:
    points = torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    before = points.clone()
    assert k_means(points, 4, rng=np.random.default_rng(0))[0].shape == (4, 5)
    assert torch.equal(points, before)
