"""From bytes to labels: what is read, and that nothing else is."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from benchmark.data.files.bad_file import BadFile
from benchmark.data.folder import label_files as labels_module
from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import read_label
from benchmark.data.resizing import resized_image, resized_label
from benchmark.tasks import IGNORE

HEIGHT, WIDTH = 12, 16


def grey(value: int = 0, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.full((HEIGHT, WIDTH), value, dtype)


def task_of(name: str, **fields: Any) -> TaskFolder:
    return TaskFolder.model_validate({"name": name, "folder": name, **fields})


def test_the_ignored_value_is_the_tasks_own() -> None:
    assert labels_module.IGNORE == IGNORE


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_nearest_is_the_pixel_under_the_centre(label: np.ndarray[Any, Any], size: tuple[int, int]) -> None:
    def source(position: int, new: int, old: int) -> int:
        return int((position + Fraction(1, 2)) * old / new)

    height, width = label.shape
    expected = [
        [label[source(y, size[0], height), source(x, size[1], width)] for x in range(size[1])]
        for y in range(size[0])
    ]
    np.testing.assert_array_equal(resized_label(label, size), expected)


def test_shrinking_an_image_averages() -> None:
    board = np.indices((64, 64)).sum(0)[..., None] % 2 * np.full(3, 255)
    small = resized_image(board.astype(np.uint8), (16, 16))
    assert np.abs(small.astype(int) - 127).max() < 16


@given(hnp.arrays(np.int16, (3, 4), elements=st.sampled_from([-1, 0, 1, 2, 3, 9])))
def test_categorical_round_trip(values: np.ndarray[Any, Any]) -> None:
    task = task_of("semseg", classes=3, first_class=1, ignore=[0, -1, 9])
    label = read_label(npy_bytes(values), ".npy", task)
    expected = np.where(np.isin(values, [1, 2, 3]), values - 1, IGNORE)
    np.testing.assert_array_equal(label, expected)
    assert label.dtype == np.uint8


def npy_bytes(values: np.ndarray[Any, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


def png_bytes(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_is_read_as_indices(bits: int) -> None:
    indices = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % min(2**bits, 20)).astype(np.uint8)
    image = Image.fromarray(indices).convert("L")
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    label = read_label(png_bytes(image, bits=bits), ".png", task_of("semseg", classes=20))
    np.testing.assert_array_equal(label, indices)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_stretched(bits: int) -> None:
    indices = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 2**bits).astype(np.uint8)
    data = few_bits_png(indices, bits)
    assert np.asarray(Image.open(io.BytesIO(data))).max() == 255  # what Pillow makes of it
    np.testing.assert_array_equal(read_label(data, ".png", task_of("semseg", classes=16)), indices)


def few_bits_png(values: np.ndarray[Any, Any], bits: int) -> bytes:
    """A grey PNG of 2 or 4 bits a pixel, which Pillow itself does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    height, width = values.shape
    unpacked = np.unpackbits(values[..., None], axis=2)[..., -bits:].reshape(height, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in unpacked)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_bilevel_png_is_zero_and_one() -> None:
    values = np.indices((HEIGHT, WIDTH)).sum(0) % 2
    data = png_bytes(Image.fromarray(values.astype(bool)))
    np.testing.assert_array_equal(read_label(data, ".png", task_of("edge")), values)


def test_sixteen_bit_depth_in_millimetres() -> None:
    values = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) * 300).astype(np.uint16)
    depth = read_label(png_bytes(Image.fromarray(values)), ".png", task_of("depth", scale=0.001))
    assert depth.dtype == np.float32
    assert np.isnan(depth[0, 0])  # 0 is no measurement
    np.testing.assert_allclose(depth.ravel()[1:], values.ravel()[1:] / 1000, rtol=1e-6)


def test_zero_is_a_number_in_other_scalars_and_marks_are_compared_in_file_precision() -> None:
    values = np.array([[0.0, -9999.9], [np.nan, 2.0]], np.float32)
    label = read_label(npy_bytes(values), ".npy", task_of("height", kind="scalar", invalid=-9999.9))
    np.testing.assert_array_equal(label, np.array([[0, np.nan], [np.nan, 2]], np.float32))


def test_scalar_takes_a_trailing_axis() -> None:
    assert read_label(npy_bytes(np.ones((4, 5, 1))), ".npy", task_of("depth")).shape == (4, 5)


@pytest.mark.parametrize(
    ("fields", "values", "expected"),
    [
        ({}, [0, 1, 255], [0, 1, IGNORE]),
        ({"positive": 255}, [0, 255, 255], [0, 1, 1]),
        ({"positive": [8, 9], "ignore": 3}, [0, 8, 9, 3], [0, 1, 1, IGNORE]),
        ({"threshold": 127.5}, [0, 127, 128, 255], [0, 0, 1, 1]),
        ({"threshold": 9, "ignore": 255}, [0, 10, 255], [0, 1, IGNORE]),
    ],
)
def test_binary_values(fields: dict[str, Any], values: list[int], expected: list[int]) -> None:
    data = png_bytes(Image.fromarray(np.array([values], np.uint8)))
    np.testing.assert_array_equal(read_label(data, ".png", task_of("saliency", **fields)), [expected])


def test_float_maps_with_a_threshold() -> None:
    label = read_label(npy_bytes(np.array([[0.2, 0.7]])), ".npy", task_of("saliency", threshold=0.5))
    np.testing.assert_array_equal(label, [[0, 1]])


@given(
    hnp.arrays(np.float64, (2, 3, 3), elements=st.floats(-1, 1)).filter(
        lambda v: bool((np.linalg.norm(v, axis=2) > 0.1).all())
    )
)
def test_normals_round_trip(vectors: np.ndarray[Any, Any]) -> None:
    vectors = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    exact = read_label(npy_bytes(vectors.astype(np.float32)), ".npy", task_of("normals"))
    np.testing.assert_allclose(exact, vectors, atol=1e-5)
    colours = np.round((vectors + 1) * 127.5).astype(np.uint8)
    coded = read_label(png_bytes(Image.fromarray(colours)), ".png", task_of("normals"))
    np.testing.assert_allclose(coded, vectors, atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(coded, axis=2), 1, atol=1e-5)


def test_padding_colours_and_nan_are_no_normals() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [127, 128, 127], [128, 128, 255]]], np.uint8)
    label = read_label(png_bytes(Image.fromarray(colours)), ".png", task_of("normals"))
    assert not label[0, :3].any()
    assert label[0, 3, 2] > 0.99
    vectors = np.array([[[0, 0, 0], [np.nan, 0, 1], [0, 0, 1]]], np.float32)
    np.testing.assert_array_equal(
        read_label(npy_bytes(vectors), ".npy", task_of("normals")), [[[0, 0, 0], [0, 0, 0], [0, 0, 1]]]
    )


@pytest.mark.parametrize("padding", [0, 2, 127, 128, 253, 255])
def test_a_map_that_is_mostly_padding_is_no_mistake(padding: int) -> None:
    colours = np.full((8, 8, 3), padding, np.uint8)
    colours[3, 3:7] = [[255, 128, 128], [128, 255, 128], [128, 128, 255], [54, 54, 54]]
    label = read_label(png_bytes(Image.fromarray(colours)), ".png", task_of("normals"))
    assert np.flatnonzero(label.any(2)).tolist() == [27, 28, 29, 30]


@pytest.mark.parametrize("others", [1, 2, 3])
def test_normals_are_refused_once_most_of_them_are_not_of_length_1(others: int) -> None:
    vectors = np.zeros((1, 4, 3), np.float32)
    vectors[0, :, 2] = [0.5 if place < others else 1 for place in range(4)]
    if others < 3:
        assert (read_label(npy_bytes(vectors), ".npy", task_of("normals"))[..., 2] == 1).all()
    else:
        with pytest.raises(BadFile, match=r"median length of 0\.5, and normals should be of length 1"):
            read_label(npy_bytes(vectors), ".npy", task_of("normals"))


@pytest.mark.parametrize(
    ("name", "fields", "values", "expected"),
    [
        ("semseg", {"classes": 3}, np.array([[1.5]]), "whole numbers"),
        ("semseg", {"classes": 3}, np.array([[np.nan]]), "whole numbers"),
        ("semseg", {"classes": 3}, np.zeros((2, 2, 3), np.uint8), "needs one channel"),
        ("edge", {}, np.array([[128]], np.uint8), "holds 128"),
        ("edge", {"threshold": 0.5}, np.array([[np.nan]]), "no number"),
        ("depth", {}, np.array([[np.inf]]), "infinite"),
        ("depth", {"scale": 1e38}, np.array([[1e9]]), "infinite"),
        ("normals", {}, np.zeros((2, 2), np.float32), "three channels"),
        ("normals", {}, np.zeros((3, 8, 8), np.float32), "three channels"),
        ("normals", {}, np.full((2, 2, 3), np.inf), "holds vectors of length"),
        ("normals", {}, np.full((2, 2, 3), 255.0), "holds vectors of length"),
        ("normals", {}, np.zeros((2, 2, 3), np.int32), "bytes"),
        ("depth", {}, np.array("text"), "should be numbers"),
        ("depth", {}, np.zeros((0, 4)), "damaged"),
        ("depth", {}, np.array(1.0), "shape ()"),
    ],
)
def test_values_out_of_range(
    name: str, fields: dict[str, Any], values: np.ndarray[Any, Any], expected: str
) -> None:
    with pytest.raises(BadFile) as caught:
        read_label(npy_bytes(values), ".npy", task_of(name, **fields))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("semseg", Image.new("RGB", (4, 4))),
        ("edge", Image.new("RGBA", (4, 4))),
        ("depth", Image.new("P", (4, 4))),
        ("normals", Image.new("L", (4, 4))),
    ],
)
def test_png_of_the_wrong_mode(name: str, image: Image.Image) -> None:
    fields = {"classes": 2} if name == "semseg" else {}
    with pytest.raises(BadFile, match=f"mode {image.mode}"):
        read_label(png_bytes(image), ".png", task_of(name, **fields))


def test_a_header_that_promises_too_much_allocates_nothing() -> None:
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
    np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(BadFile, match="less than its header says"):
        read_label(stream.getvalue() + b"\0" * 64, ".npy", task_of("depth"))


def test_fortran_order_and_archives() -> None:
    values = np.asfortranarray(np.arange(12.0).reshape(3, 4) + 1)
    np.testing.assert_array_equal(read_label(npy_bytes(values), ".npy", task_of("depth")), values)
    stream = io.BytesIO()
    np.savez(stream, values)
    with pytest.raises(BadFile, match="no NumPy file"):
        read_label(stream.getvalue(), ".npy", task_of("depth"))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_read(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([png_bytes(Image.fromarray(grey(1))), npy_bytes(grey(1))]))
    broken = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        broken[position] = data.draw(st.integers(0, 255))
    ending = ".png" if whole[1:4] == b"PNG" else ".npy"
    try:
        label = read_label(
            bytes(broken[: data.draw(st.integers(0, len(whole)))]), ending, task_of("semseg", classes=3)
        )
    except BadFile:
        return
    assert label.ndim == 2
    assert set(np.unique(label)) <= {0, 1, 2, IGNORE}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("semseg", {"classes": 4, "first_class": 1, "ignore": [0, 9]}),
        ("edge", {"positive": [3, 4]}),
        ("saliency", {"threshold": 2.5}),
        ("depth", {"scale": 0.5, "invalid": [0, 9]}),
    ],
)
@given(values=hnp.arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 3, 4, 9, 255])))
def test_what_a_number_means_does_not_depend_on_its_type(
    name: str, fields: dict[str, Any], values: np.ndarray[Any, Any]
) -> None:
    def read(dtype: Any) -> Any:
        try:
            return read_label(npy_bytes(values.astype(dtype)), ".npy", task_of(name, **fields)).tolist()
        except BadFile as error:
            return str(error)

    plain = repr(read(np.float64))  # decoded number by number
    for dtype in (np.uint8, np.uint16, np.int64, ">i4", np.uint64):
        assert repr(read(dtype)) == plain
