"""Nearest neighbours with and without faiss, and all neighbours within a radius."""

import builtins
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import neighbours
from strategies.neighbours import load_faiss, nearest_neighbours, neighbours_within


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
    np.testing.assert_allclose(distances, brute_force(points, 4), rtol=2e-3 if offset else 1e-5)
    assert not (found == np.arange(1500)[:, None]).any()


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


@pytest.mark.parametrize("points", [[[1.0]], [[float("nan")], [1.0]], [1.0, 2.0]])
def test_what_has_no_neighbours_is_refused(points):
    with pytest.raises(ValueError, match="N x d"):
        nearest_neighbours(points, 1)


def test_tensors_in_main_memory_are_taken(way):
    points = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(nearest_neighbours(points, 3)[1], nearest_neighbours(points.numpy(), 3)[1])
    np.testing.assert_array_equal(neighbours_within(points, 1)[1], neighbours_within(points.numpy(), 1)[1])


# All within a radius.


def within_by_brute_force(points, radius):
    points = np.asarray(points, np.float64)
    near = np.sqrt(np.square(points[:, None] - points).sum(2)) <= radius
    return np.append(0, np.cumsum(near.sum(1))), np.nonzero(near)[1]


def same_as_brute_force(points, radius):
    found, expected = neighbours_within(points, radius), within_by_brute_force(points, radius)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert found[0].dtype == found[1].dtype == np.int32


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 100])
def test_no_row_of_the_last_tile_is_left_out(count, monkeypatch):
    monkeypatch.setattr(neighbours, "ROWS", 16)
    monkeypatch.setattr(neighbours, "COLUMNS", 32)
    same_as_brute_force(np.random.default_rng(0).standard_normal((count, 2)), 0.8)


def test_neighbours_over_many_tiles():
    points = np.random.default_rng(0).standard_normal((1100, 5)).astype(np.float32)
    same_as_brute_force(points, 2.0)
    same_as_brute_force(points, 100.0)


@given(
    count=st.integers(1, 60),
    width=st.integers(0, 4),
    squared=st.integers(0, 9),
    shift=st.sampled_from([0.0, 1e3, 1e8]),
    scale=st.sampled_from([1e-150, 1e-30, 1.0, 3.0, 1e30, 1e150]),
    seed=st.integers(0, 99),
)
def test_distances_equal_to_the_radius_are_told_by_differences(count, width, squared, shift, scale, seed):
    grid = np.random.default_rng(seed).integers(0, 3, (count, width)) + shift
    same_as_brute_force(grid * scale, np.sqrt(squared) * scale)


@pytest.mark.parametrize("offset", [0, 1e6])
def test_copies_are_all_that_is_at_distance_zero(offset):
    rng = np.random.default_rng(0)
    points = (rng.standard_normal((20, 3)) + offset)[rng.integers(20, size=100)]
    same_as_brute_force(points, 0)
    same_as_brute_force(points, 1e-300)


def test_the_radius_between_two_distances_that_float32_cannot_tell_apart():
    same_as_brute_force(np.array([[0.0], [1.0], [1.0 + 1e-12], [2.0]]), 1.0)


def test_neighbours_within_do_not_hold_all_pairs():
    points = np.random.default_rng(0).standard_normal((6000, 8))
    tracemalloc.start()
    indptr, indices = neighbours_within(points, 0.8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(indptr) == 6001
    assert 6000 < len(indices) < 6000 * 60
    assert peak < 6000 * 6000  # bytes: one for each pair


def test_no_points_have_no_neighbours():
    indptr, indices = neighbours_within(np.empty((0, 3)), 1.0)
    assert indptr.tolist() == [0]
    assert indices.tolist() == []


@pytest.mark.parametrize(
    ("points", "radius", "message"),
    [
        ([1.0, 2.0], 1, r"shape \(2,\)"),
        ([[1.0], [float("nan")]], 1, "row 1"),
        ([[1.0]], -1, "radius is -1"),
        ([[1.0]], float("nan"), "radius is nan"),
        ([[1.0]], float("inf"), "radius is inf"),
    ],
)
def test_what_has_no_neighbours_within_is_named(points, radius, message):
    with pytest.raises(ValueError, match=message):
        neighbours_within(points, radius)
