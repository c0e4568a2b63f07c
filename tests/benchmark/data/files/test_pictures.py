"""From bytes to pixels: all the bits that the header says, and the way up that was asked for."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.pictures import as_bytes, read_image, read_picture
from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import read_label

HEIGHT, WIDTH = 5, 7
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by channels
Array = np.ndarray[Any, Any]


def deep_png(values: Array) -> bytes:
    """A PNG of 16 bits a channel (H x W x C), which Pillow does not write in colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    height, width, channels = values.shape
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def numbers(channels: int, below: int) -> Array:
    values = np.random.default_rng(channels).integers(0, below, (HEIGHT, WIDTH, channels))
    values[0, 0] = below - 1
    return values


def scaled(values: Array, top: int) -> Array:
    """The colours of grey or RGB, with or without transparency, by Python's own arithmetic."""
    colours = values[..., :3] if values.shape[2] > 2 else values[..., [0, 0, 0]]
    return np.array([round(255 * int(v) / top) for v in colours.ravel()]).reshape(colours.shape)


@pytest.mark.parametrize("channels", COLOUR_TYPES)
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_sixteen_bits_a_channel_are_scaled_and_not_cut(channels: int, bits: int) -> None:
    values = numbers(channels, 2**bits)
    image = read_image(deep_png(values), bits=bits)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, scaled(values, 2**bits - 1))
    assert image.max() == 255


@pytest.mark.parametrize("channels", COLOUR_TYPES)
def test_the_pixels_of_a_deep_file_are_its_numbers(channels: int) -> None:
    values = numbers(channels, 2**12)
    pixels = read_picture(deep_png(values)).pixels
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], values[..., 0])


def test_numbers_beyond_the_bits_that_were_said_are_refused() -> None:
    with pytest.raises(BadFile, match=r"holds 4096, and numbers of 12 bits end at 4095"):
        read_image(deep_png(np.full((2, 2, 3), 4096)), bits=12)
    assert (as_bytes(np.full((2, 2, 3), 9, np.uint8), bits=12) == 9).all()  # of 8 bits nothing is said


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_grey_of_sixteen_bits_in_every_format(kind: str) -> None:
    values = numbers(1, 2**16)[..., 0].astype(np.uint16)
    image = read_image(saved(Image.fromarray(values), kind))
    np.testing.assert_array_equal(image, scaled(values[..., None], 2**16 - 1))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff_of_sixteen_bits_keeps_them_too(channels: int, byteorder: Any) -> None:
    values = numbers(channels, 2**16)
    data = tiff(values.astype(np.uint16), byteorder=byteorder, extrasamples=["unassalpha"] * (channels - 3))
    np.testing.assert_array_equal(read_image(data), scaled(values, 2**16 - 1))


def test_sixteen_bits_are_refused_where_they_would_be_cut() -> None:
    data = tiff(numbers(4, 2**16).astype(np.uint16), extrasamples=["assocalpha"])
    with pytest.raises(BadFile, match=r"TIFF of 16 bits a channel .*, which cannot be read whole"):
        read_image(data)


def tiff(values: Array, **options: Any) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="rgb", **options)
    return stream.getvalue()


def test_floats_are_no_image() -> None:
    with pytest.raises(BadFile, match="mode F; an image should have 8 or 16 bits a channel"):
        read_image(saved(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))


def test_a_damaged_deep_file_is_refused() -> None:
    whole = deep_png(numbers(3, 2**16))
    with pytest.raises(BadFile, match="damaged"):
        read_image(whole[:60])


def test_deep_normals_keep_their_bits() -> None:
    vectors = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    data = deep_png(np.rint((vectors + 1) * 32767.5))
    label = read_label(data, ".png", TaskFolder.model_validate({"name": "normals", "folder": "-"}))
    np.testing.assert_allclose(label, vectors, atol=1e-4)  # bytes would be off by 4e-3


STORED = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def turned_file(orientation: int, kind: str, values: Array = STORED) -> bytes:
    image = Image.fromarray(values)
    exif = image.getexif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    return saved(image, kind, exif=exif, **options)


def shown(orientation: int, values: Array = STORED) -> Array:
    """What viewers show, by Pillow's own rules."""
    image = Image.fromarray(values)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_is_applied_or_ignored_or_refused(kind: str, orientation: int) -> None:
    data = turned_file(orientation, kind)
    np.testing.assert_array_equal(read_image(data, "apply"), shown(orientation))
    np.testing.assert_array_equal(read_image(data, "ignore"), STORED)
    assert read_picture(data, "ignore").orientation == orientation
    with pytest.raises(BadFile, match=f"EXIF orientation {orientation}.*image.exif: apply"):
        read_image(data)


@pytest.mark.parametrize("orientation", [0, 1, 9, 77])
def test_orientations_that_turn_nothing_are_none(orientation: int) -> None:
    picture = read_picture(turned_file(orientation, "PNG"))
    assert picture.orientation == 1
    np.testing.assert_array_equal(picture.pixels, STORED)


def test_a_jpeg_is_turned_like_the_others() -> None:
    data = turned_file(6, "JPEG")
    np.testing.assert_array_equal(read_image(data, "apply"), np.rot90(read_image(data, "ignore"), -1))


def test_labels_follow_the_same_rule() -> None:
    task = TaskFolder.model_validate({"name": "semseg", "folder": "-", "classes": 9})
    values = np.random.default_rng(2).integers(0, 9, (HEIGHT, WIDTH), dtype=np.uint8)
    data = turned_file(6, "PNG", values)
    np.testing.assert_array_equal(read_label(data, ".png", task, "apply"), shown(6, values))
    np.testing.assert_array_equal(read_label(data, ".png", task, "ignore"), values)
    with pytest.raises(BadFile, match="EXIF orientation 6"):
        read_label(data, ".png", task)
