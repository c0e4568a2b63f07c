"""Nearest neighbours, with and without faiss."""

import builtins

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import neighbours
from strategies.neighbours import load_faiss, nearest_neighbours


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
