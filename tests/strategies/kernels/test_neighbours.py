"""Nearest neighbours, with and without faiss."""

import builtins
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.kernels import neighbours
from strategies.kernels.neighbours import load_faiss, nearest_neighbours


def brute_force(points, count):
    distances = np.sqrt(((points[:, None].astype(np.float64) - points[None]) ** 2).sum(-1))
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :count]


@pytest.fixture(params=["faiss", "numpy"])
def way(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(neighbours, "load_faiss", lambda: None)
    elif load_faiss() is None:
        pytest.skip("faiss cannot be imported here")


@pytest.mark.parametrize("offset", [0, 1000])
def test_distances_are_those_of_a_brute_force(way, offset):
    points = np.random.default_rng(0).normal(size=(1500, 6)).astype(np.float32) + np.float32(offset)
    distances, found = nearest_neighbours(points, 4)
    np.testing.assert_allclose(distances, brute_force(points, 4), rtol=1e-6)
    assert not (found == np.arange(1500)[:, None]).any()


def in_order(points, count):
    """Positions of the nearest others by distance, then by position."""
    far = np.sqrt([np.square(points.astype(np.float64) - row).sum(1) for row in points.astype(np.float64)])
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")[:, :count]


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_near_copies_are_told_apart(way, offset, apart, kind):
    """Groups of copies that differ by a small share of the spread: products of float32 lose that."""
    rng = np.random.default_rng(1)
    centres = np.repeat(rng.normal(size=(12, 8)), 60, axis=0)
    points = (centres + apart * rng.normal(size=centres.shape) + offset).astype(kind)
    np.testing.assert_array_equal(nearest_neighbours(points, 7)[1], in_order(points, 7))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_squares_neither_vanish_nor_overflow(way, scale):
    points = np.random.default_rng(2).normal(size=(80, 5))
    expected = in_order(points, 3)
    np.testing.assert_array_equal(nearest_neighbours((points * scale).astype(np.float64), 3)[1], expected)


def test_all_points_alike_have_the_first_others_for_neighbours(way):
    found = nearest_neighbours(np.ones((3000, 40), np.float32), 3)[1]
    assert found[:5].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    assert (found[5:] == [0, 1, 2]).all()


def test_memory_is_that_of_the_features_and_not_of_all_pairs(way):
    points = np.random.default_rng(3).normal(size=(6000, 24)).astype(np.float32)
    nearest_neighbours(points[:50], 3)  # what a first call imports is none of its memory
    tracemalloc.start()
    nearest_neighbours(points, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 2**20, "all pairs of them would be 144 MB"


def test_duplicates_are_at_distance_zero_and_never_the_point_itself(way):
    points = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 6, axis=0)
    distances, found = nearest_neighbours(points, 5)
    assert distances.max() == 0
    assert not (found == np.arange(30)[:, None]).any()
    assert (found // 6 == np.arange(30)[:, None] // 6).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99))
def test_both_ways_agree(count, width, seed):
    points = np.random.default_rng(seed).normal(size=(count, width))
    with pytest.MonkeyPatch.context() as patch:
        first = nearest_neighbours(points, 1)
        patch.setattr(neighbours, "load_faiss", lambda: None)
        second = nearest_neighbours(points, 1)
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(first[0], second[0])


@pytest.mark.parametrize("error", [ImportError, RuntimeError, OSError])
def test_a_faiss_that_cannot_be_imported_is_done_without(monkeypatch, error):
    original = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "faiss":
            raise error("libcudart.so is missing")
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert load_faiss() is None
    assert nearest_neighbours([[0.0], [1.0], [3.0]], 1)[1].ravel().tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([[1.0]], "less than the 1 rows of features"),
        ([[float("nan")], [1.0]], "finite: row 0 is not"),
        ([1.0, 2.0], "must be N x d"),
    ],
)
def test_what_has_no_neighbours_is_refused(points, why):
    with pytest.raises(ValueError, match=why):
        nearest_neighbours(points, 1)


def test_tensors_in_main_memory_are_taken(way):
    points = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(nearest_neighbours(points, 3)[1], nearest_neighbours(points.numpy(), 3)[1])
