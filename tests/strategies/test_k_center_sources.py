"""Features need not be an array in memory: memory maps, sliced arrays and tensors give the same picks."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from strategies.kernels import _lazy_farthest, k_center
from strategies.kernels._open_rows import open_rows
from strategies.kernels._points import Points
from strategies.kernels._rows import ArrayRows, StackedRows
from strategies.kernels._torch_centres import TorchCentres
from strategies.kernels._torch_rows import TensorRows
from strategies.kernels.diversity import k_center_greedy, nearest_distance

Array = NDArray[Any]
KINDS = ("normal", "offset", "tight", "grid", "duplicates", "huge", "tiny")


def data(kind: str, count: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, width), dtype=np.float32)
    match kind:
        case "offset":
            points += np.float32(1000)
        case "tight":
            points = points[rng.integers(min(5, count), size=count)] + np.float32(1e-5) * points
        case "grid":
            points = np.round(points)
        case "duplicates":
            points = points[rng.integers(-(-count // 4), size=count)]
        case "huge":
            points *= np.float32(1e37)
        case "tiny":
            points *= np.float32(1e-35)
    return points


def picks(features: Any, budget: int = 60, **given_: Any) -> list[int]:
    return k_center_greedy(features, budget, rng=np.random.default_rng(0), **given_).tolist()


class OnlySliced:
    """What an array in a file can do, and no more; remembers how much was asked for at once."""

    def __init__(self, array: Array) -> None:
        self.array, self.shape, self.dtype, self.most = array, array.shape, array.dtype, 0

    def __getitem__(self, rows: slice) -> Array:
        assert isinstance(rows, slice)
        assert rows.step is None
        part = self.array[rows]
        self.most = max(self.most, len(part))
        return part


# Arrays that are not in memory.


def test_a_memory_map_gives_the_same_picks_and_is_never_read_into_memory(tmp_path: Path) -> None:
    count, width = 40_000, 256
    mapped = np.memmap(tmp_path / "features", np.float32, "w+", shape=(count, width))
    mapped[:] = data("normal", count, width)
    mapped.flush()
    expected = picks(np.array(mapped), labelled=range(500))
    mapped = np.memmap(tmp_path / "features", np.float32, "r", shape=(count, width))
    tracemalloc.start()
    found = picks(mapped, labelled=range(500))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == expected
    assert peak < mapped.nbytes / 2


def test_memory_grows_with_the_points_and_hardly_with_their_width() -> None:
    peaks = []
    for width in (64, 1024):
        features = data("normal", 8000, width)
        tracemalloc.start()
        picks(features)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 8000 * 200 + 2**22
    assert peaks[1] < peaks[0] + 2**23  # of 2**25 bytes of features


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8, np.int64, ">f4"])
def test_what_can_only_be_sliced_is_read_in_blocks(dtype: Any) -> None:
    array = (data("normal", 5000, 32) * 30 + 100).astype(dtype)
    sliced = OnlySliced(array)
    assert picks(sliced, labelled=range(20)) == picks(array.astype(np.float64), labelled=range(20))
    assert sliced.most <= 4096
    centres = OnlySliced(array[:7])
    np.testing.assert_array_equal(nearest_distance(sliced, centres), nearest_distance(array, array[:7]))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, ">f4"])
def test_arrays_that_numpy_would_copy_whole_are_not(dtype: Any) -> None:
    array = (data("normal", 20_000, 256) * 30 + 100).astype(dtype)
    expected = picks(array.astype(np.float32))
    for layout in (np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2], array):
        tracemalloc.start()
        assert picks(layout) == expected
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000 * 256 * 4 * 0.75


def test_a_wrong_row_is_named_however_features_are_read() -> None:
    array = data("normal", 3000, 40)
    array[2345, 7] = np.nan
    for features in (array, OnlySliced(array), torch.from_numpy(array)):
        with pytest.raises(ValueError, match="finite: row 2345 is not"):
            picks(features)
    with pytest.raises(ValueError, match=r"shape \(4,\), must be N x d"):
        picks(torch.zeros(4))


def test_stacked_rows_are_those_of_one_array_above_the_other() -> None:
    upper, lower = data("normal", 30, 4), data("offset", 50, 4).astype(np.float64)
    stacked, whole = StackedRows(open_rows(upper), open_rows(lower)), np.vstack([upper, lower])
    order = np.random.default_rng(0).permutation(80)
    np.testing.assert_array_equal(stacked.take(order), whole[order])
    assert stacked.dtype == np.float64
    assert stacked.largest(20, 60) == whole[20:60].max()


# Tensors.


@given(
    kind=st.sampled_from(KINDS),
    count=st.integers(2, 300),
    width=st.sampled_from([1, 3, 17]),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
    double=st.booleans(),
)
def test_picks_on_a_device_are_those_in_memory(
    kind: str, count: int, width: int, seed: int, weighted: bool, double: bool
) -> None:
    rng = np.random.default_rng(seed)
    features = data(kind, count, width, seed).astype(np.float64 if double else np.float32)
    labelled = rng.permutation(count)[: int(rng.choice([0, count // 5]))]
    budget = min(count - len(labelled), int(rng.integers(1, 80)))
    weights = rng.random(count) if weighted else None
    expected = picks(features, budget, labelled=labelled, weights=weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(k_center, "open_rows", TensorRows)
        assert picks(torch.from_numpy(features), budget, labelled=labelled, weights=weights) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_picks_on_a_device_are_those_in_memory_over_many_passes(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = data(kind, 4000, 24)
    expected = picks(features, 200, labelled=range(0, 4000, 40))
    monkeypatch.setattr(k_center, "open_rows", TensorRows)
    monkeypatch.setattr(_lazy_farthest, "REACH", (100, 32))
    monkeypatch.setattr(TorchCentres, "cells", 2000)
    assert picks(torch.from_numpy(features), 200, labelled=range(0, 4000, 40)) == expected


def test_bounds_of_a_device_are_bounds() -> None:
    features = data("offset", 300, 40)
    points = Points(TensorRows(torch.from_numpy(features)))
    table = TorchCentres(points, np.arange(200), 100)
    table.add(np.arange(200, 300))
    exact = np.square(features[:200, None].astype(float) - features[200:].astype(float)).sum(2)
    bounds = table.bounds(np.arange(200), 10, 60)
    assert (bounds >= exact[:, 10:60].min(1)).all()
    np.testing.assert_allclose(bounds, exact[:, 10:60].min(1), rtol=1e-3)
    seen = np.arange(200) % 90
    pairs = set(zip(*table.near(np.arange(200), seen, np.full(200, np.inf)), strict=True))
    assert {(i, seen[i] + exact[i, seen[i] :].argmin()) for i in range(200)} <= pairs
    assert len(pairs) < 220
    assert not len(table.near(np.arange(200), seen, np.zeros(200))[0])


def test_a_tensor_in_memory_shares_it_and_may_need_gradients() -> None:
    tensor = torch.from_numpy(data("normal", 500, 8)).requires_grad_()
    rows = open_rows(tensor)
    assert isinstance(rows, ArrayRows)
    assert rows.array.ctypes.data == tensor.data_ptr()
    assert picks(tensor) == picks(tensor.detach().numpy())
    distance = nearest_distance(tensor, tensor[:3])
    np.testing.assert_array_equal(distance, nearest_distance(tensor.detach().numpy(), rows.array[:3]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64])
def test_other_types_of_tensor_are_taken_exactly(dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(np.abs(data("normal", 400, 8)) * 50).to(dtype)
    assert picks(tensor) == picks(tensor.double().numpy())
    assert TensorRows(tensor).take(np.arange(9)).tolist() == tensor[:9].double().tolist()


def test_torch_is_not_imported_for_arrays() -> None:
    program = (
        "import sys, numpy as np\n"
        "from strategies.kernels.diversity import *\n"
        "k_center_greedy(np.eye(9), 3, rng=np.random.default_rng(0))\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    assert done.returncode == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_picks_on_a_gpu_are_those_in_memory(kind: str, dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(data(kind, 20_000, 96)).to(dtype)
    expected = picks(tensor.double().numpy(), 500, labelled=range(100))
    torch.set_float32_matmul_precision("medium")
    try:
        assert picks(tensor.cuda(), 500, labelled=range(100)) == expected
    finally:
        torch.set_float32_matmul_precision("highest")
