"""Hostile images, and labels in PNG, NumPy and MATLAB files."""

import io
import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.matlab import read_mat_numbers
from benchmark.data.files.pictures import read_image
from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import read_label
from benchmark.data.pascal.annotations import read_label_map, read_parts

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
HEIGHT, WIDTH = 12, 16
GREY = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 3).astype(np.uint8)
DEPTH = GREY.astype(np.float32) + 1
NORMALS = np.dstack([np.zeros_like(DEPTH), np.zeros_like(DEPTH), np.ones_like(DEPTH)])
COLOURS = np.rint((NORMALS + 1) * 127.5).astype(np.uint8)


def task(name, **fields):
    return TaskFolder.model_validate({"name": name, "folder": "-", **fields})


SEMSEG, EDGE, HEIGHTS = task("semseg", classes=3), task("edge", positive=[1, 2]), task("tilt", kind="scalar")
TASKS = (SEMSEG, EDGE, task("saliency", threshold=1.5), task("depth"), HEIGHTS, task("normals"))
WANTED = {
    "categorical": (np.uint8, 2),
    "binary": (np.uint8, 2),
    "scalar": (np.float32, 2),
    "direction": (np.float32, 3),
}


def encoded(values, kind, **options):
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def npy(values, **options):
    stream = io.BytesIO()
    np.save(stream, values, **options)
    return stream.getvalue()


def npy_of(header, body=b"\0" * 64, version=(1, 0)):
    """A NumPy file with a header of one's own."""
    text = header.encode() + b"\n"
    return (
        b"\x93NUMPY"
        + bytes(version)
        + struct.pack("<H" if version[0] == 1 else "<I", len(text))
        + text
        + body
    )


def mat(variables, **options):
    stream = io.BytesIO()
    savemat(stream, variables, **options)
    return stream.getvalue()


def annotations():
    """One person with a head, as PASCAL-Part has it."""
    part = np.zeros((1, 1), [("part_name", object), ("mask", object)])
    part[0, 0] = ("head", GREY)
    thing = np.zeros((1, 1), [("class", object), ("class_ind", object), ("mask", object), ("parts", object)])
    thing[0, 0] = ("person", 15, GREY, part)
    anno = np.zeros((1, 1), [("imname", object), ("objects", object)])
    anno[0, 0] = ("a", thing)
    return {"anno": anno}


IMAGES = {
    "JPEG": encoded(COLOURS, "JPEG"),
    "PNG": encoded(COLOURS, "PNG"),
    "palette": encoded(GREY, "PNG"),
    "BMP": encoded(COLOURS, "BMP"),
    "WEBP": encoded(COLOURS, "WEBP"),
    "TIFF": encoded(COLOURS, "TIFF", compression="tiff_lzw"),
    "PPM": encoded(COLOURS, "PPM"),
}
PNGS = [encoded(GREY, "PNG"), encoded(DEPTH.astype(np.uint16), "PNG"), encoded(COLOURS, "PNG")]
NPYS = [
    npy(values) for values in (GREY, DEPTH, DEPTH.astype(">f8"), NORMALS, GREY.astype(np.int64), GREY > 0)
]
MATS = {"LabelMap": [mat({"LabelMap": GREY}, do_compression=packed) for packed in (True, False)]}
MATS["LabelMap"] += [mat({"LabelMap": DEPTH, "other": "text"}), mat({"LabelMap": GREY}, format="4")]
PARTS = [mat(annotations(), do_compression=packed) for packed in (True, False)]


def check_label(label, of):
    if label is not None:
        dtype, axes = WANTED[of.kind]
        assert (label.dtype, label.ndim) == (dtype, axes)
        assert label.size
        assert of.kind != "categorical" or set(np.unique(label)) <= {*range(len(of.classes)), 255}
        assert of.kind != "binary" or set(np.unique(label)) <= {0, 1, 255}
        assert not np.isinf(label).any()


@MANY
@given(st.data())
def test_damaged_images(judged, fuzz, data):
    content = data.draw(st.sampled_from(list(IMAGES.values())).flatmap(fuzz.bytes))
    image = judged(lambda: read_image(content), "", refusal=BadFile)
    assert image is None or (
        image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size
    )


@MANY
@given(st.data())
def test_damaged_png_labels(judged, fuzz, data):
    content, of = data.draw(st.sampled_from(PNGS).flatmap(fuzz.bytes)), data.draw(st.sampled_from(TASKS))
    check_label(judged(lambda: read_label(content, ".png", of), "", refusal=BadFile), of)


@MANY
@given(st.data())
def test_damaged_numpy_labels(judged, fuzz, data):
    content, of = data.draw(st.sampled_from(NPYS).flatmap(fuzz.bytes)), data.draw(st.sampled_from(TASKS))
    check_label(judged(lambda: read_label(content, ".npy", of), "", refusal=BadFile), of)


@MANY
@given(st.data())
def test_damaged_matlab_numbers(judged, fuzz, data):
    content = data.draw(st.sampled_from(MATS["LabelMap"]).flatmap(lambda whole: fuzz.bytes(whole, head=400)))
    values = judged(lambda: read_mat_numbers(content, "LabelMap"), "", refusal=BadFile)
    assert values is None or values.dtype.kind in "biuf"
    label_map = judged(lambda: read_label_map(content), "", refusal=BadFile)
    assert label_map is None or (label_map.ndim == 2 and label_map.min() >= 0 and label_map.max() <= 459)


@MANY
@given(st.data())
def test_damaged_matlab_structures(judged, fuzz, data):
    content = data.draw(st.sampled_from(PARTS).flatmap(lambda whole: fuzz.bytes(whole, head=len(whole))))
    parts = judged(lambda: read_parts(content), "", refusal=BadFile)
    assert parts is None or (parts.ndim == 2 and parts.size and parts.max() <= 6)


NUMBERS = ["|b1", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u8", "<f2", ">f4", "<f8", "<f16"]
TYPES = st.sampled_from([*NUMBERS, "<c8", "<c16", "|S4", "<U4", "|V8", "<M8[s]", "<m8[s]", "|O"])
SHAPES = st.lists(st.sampled_from([0, 1, 2, 3, 4, -1, 2**31, 2**62, 10**30]), max_size=5).map(tuple)


@MANY
@given(
    TYPES, SHAPES, st.booleans(), st.sampled_from(TASKS), st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)])
)
def test_numpy_headers_that_claim_anything(judged, dtype, shape, fortran, of, version):
    header = f"{{'descr': {dtype!r}, 'fortran_order': {fortran}, 'shape': {shape!r}}}"
    content = npy_of(header, version=version)
    check_label(judged(lambda: read_label(content, ".npy", of), "", refusal=BadFile), of)


@MANY
@given(
    st.sampled_from(
        [np.int8, np.uint64, np.int64, np.float16, np.float32, np.float64, np.longdouble, np.bool_]
    ),
    st.lists(
        st.sampled_from([0, 1, 2, 255, -1, 2**63, -(2**63), 0.5, 1e308, np.nan, np.inf, -np.inf]),
        min_size=4,
        max_size=4,
    ),
    st.sampled_from([(2, 2), (2, 2, 1), (4, 1), (1, 4)]),
    st.sampled_from(TASKS),
)
def test_numbers_that_no_label_should_hold(judged, dtype, values, shape, of):
    with np.errstate(all="ignore"):
        array = np.array(values, np.float64).astype(dtype).reshape(shape)
    check_label(judged(lambda: read_label(npy(array), ".npy", of), "", refusal=BadFile), of)


HEADERS = {
    "axes without end": f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 65}}}",
    "10^12 elements": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}",
    "a call": "{'descr': __import__('os').mkdir('canary'), 'fortran_order': False, 'shape': (1,)}",
    "brackets": "(" * 9000,
    "a number without end": "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}",
    "fields": "{'descr': [('a', '<f8', (100000, 100000))], 'fortran_order': False, 'shape': (2, 2)}",
    "an array in an element": "{'descr': ('<f8', (1000, 1000)), 'fortran_order': False, 'shape': (2, 2)}",
    "elements of no size": "{'descr': '|V0', 'fortran_order': False, 'shape': (1000000, 1000000)}",
    "no header": "",
}


@pytest.mark.parametrize("case", HEADERS)
def test_numpy_headers_written_to_break_readers(judged, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    assert judged(lambda: read_label(npy_of(HEADERS[case]), ".npy", HEIGHTS), "", refusal=BadFile) is None
    assert not list(tmp_path.iterdir())


def test_objects_are_never_unpickled(judged, canary):
    array = np.array([[canary, 1], [2, 3]], dtype=object)
    for content in (npy(array, allow_pickle=True), pickle.dumps(canary), pickle.dumps(array)):
        for ending in (".npy", ".png"):
            assert judged(lambda c=content, e=ending: read_label(c, e, HEIGHTS), "", refusal=BadFile) is None
        assert judged(lambda c=content: read_mat_numbers(c, "depth"), "", refusal=BadFile) is None
        assert judged(lambda c=content: read_image(c), "", refusal=BadFile) is None


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width, height, *chunks, bits=8, colour=0):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


ROWS = chunk(b"IDAT", zlib.compress((b"\0" + b"\1" * 4) * 4))
JPEG_SIZED = IMAGES["JPEG"].replace(struct.pack(">HH", HEIGHT, WIDTH), b"\xff\xdc\xff\xdc", 1)
PICTURES = {
    "10,000 x 10,000": png(10_000, 10_000, ROWS),
    "2^31 x 2^31": png(2**31 - 1, 2**31 - 1, ROWS),
    "no width": png(0, 4, ROWS),
    "no rows": png(4, 4),
    "a header twice": png(4, 4, chunk(b"IHDR", struct.pack(">IIBBBBB", 9999, 9999, 8, 0, 0, 0, 0)), ROWS),
    "a chunk without end": png(4, 4, struct.pack(">I", 2**31 - 1) + b"IDAT"),
    "text that explodes": png(4, 4, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**27), 9)), ROWS),
    "a profile that explodes": png(4, 4, chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2**27), 9)), ROWS),
    "an animation": png(4, 4, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), ROWS),
    "JPEG of 65,500 x 65,500": JPEG_SIZED,
    "PPM of 10^9 x 10^9": b"P6 1000000000 1000000000 255\n" + bytes(64),
    "nothing": b"",
    "a script": b"#!/bin/sh\nmkdir canary\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_written_to_break_readers(judged, case):
    content = PICTURES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, beside the refusal
        image = judged(lambda: read_image(content), "", refusal=BadFile)
    assert image is None or image.shape == (4, 4, 3)
    label = judged(lambda: read_label(content, ".png", SEMSEG), "", refusal=BadFile)
    assert label is None or (label == 1).all()


def test_a_png_whose_header_is_not_first_is_refused(judged):
    """Readers that look for the bit depth at its place would find a text there."""
    first, rest = PNGS[0][:8], PNGS[0][8:]
    content = first + chunk(b"tEXt", b"a\0" + b"\4\0" * 20) + rest
    assert judged(lambda: read_label(content, ".png", SEMSEG), "", refusal=BadFile) is None


HDF5 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(64)
MATLAB = {
    "version 7.3": HDF5,
    "text": mat({"LabelMap": "text"}),
    "cells": mat({"LabelMap": np.array([[GREY, "x"]], dtype=object)}),
    "a structure": mat({"LabelMap": {"a": GREY}}),
    "sparse numbers": mat({"LabelMap": csc_matrix(GREY.astype(float))}),
    "complex numbers": mat({"LabelMap": DEPTH * 1j}),
    "no numbers": mat({"LabelMap": np.zeros((0, 5))}),
    "four axes": mat({"LabelMap": np.ones((2, 2, 2, 2))}),
    "NaN": mat({"LabelMap": np.full((2, 2), np.nan)}),
    "infinity": mat({"LabelMap": np.full((2, 2), np.inf)}),
    "another name": mat({"labelmap": GREY}),
    "a header alone": mat({"LabelMap": GREY})[:128],
    "nothing": b"",
    "zeros": bytes(200),
    "an element without end": mat({"LabelMap": GREY})[:128] + struct.pack("<II", 14, 2**32 - 1) + bytes(64),
    "an element of no size": mat({"LabelMap": GREY})[:128] + bytes(8) * 1000,
}  # fmt: skip


@pytest.mark.parametrize("case", MATLAB)
def test_matlab_files_written_to_break_readers(judged, case):
    assert judged(lambda: read_label_map(MATLAB[case]), "", refusal=BadFile) is None
    assert judged(lambda: read_parts(MATLAB[case]), "", refusal=BadFile) is None


@pytest.mark.parametrize(
    "claim", [(2**15, 2**15), (2**31 - 1, 2**31 - 1), (-5, -5), (-1, 12), (0, 0), (16, 12)]
)
def test_matlab_files_that_lie_about_a_size(judged, claim):
    whole = mat({"LabelMap": GREY})
    at = whole.index(struct.pack("<ii", HEIGHT, WIDTH))
    content = whole[:at] + struct.pack("<ii", *claim) + whole[at + 8 :]
    values = judged(lambda: read_label_map(content), "", refusal=BadFile)
    assert values is None or values.shape == claim == (16, 12)


@pytest.mark.parametrize(
    "mask", [np.zeros((0, 0)), np.zeros((2, 2, 3)), np.zeros(()), np.array([["a"]]), np.zeros((5, 7))]
)
def test_masks_that_are_no_pictures(judged, mask):
    variables = annotations()
    thing = variables["anno"][0, 0]["objects"][0, 0]
    thing["mask"] = mask
    thing["parts"][0, 0]["mask"] = mask
    parts = judged(lambda: read_parts(mat(variables)), "", refusal=BadFile)
    assert parts is None or parts.shape == (5, 7) or parts.shape == (1, 1)


def test_compressed_matlab_files_read_as_scipy_reads_them():
    values = np.random.default_rng(0).normal(size=(31, 17))
    content = mat({"first": "text", "depth": values, "last": GREY}, do_compression=True)
    np.testing.assert_array_equal(read_mat_numbers(content, "depth"), loadmat(io.BytesIO(content))["depth"])
