"""Reads bombs in a process of little memory; prints what became of each. Run by test_bombs.py."""

from __future__ import annotations

import io
import json
import resource
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

from benchmark.data.files.matlab import read_mat
from benchmark.data.files.pictures import read_image
from benchmark.data.folder.config import TaskFolder, load_config
from benchmark.data.folder.label_files import read_label
from benchmark.data.nyud.parquet import parquet_split
from benchmark.networks.weights.pretrained import read_weights
from benchmark.records.round_store import Store
from benchmark.report.results.archives import unpacked

SPARE = 2**29  # bytes
PAGE = resource.getpagesize()


def limited() -> None:
    """From now on there is this memory and no more: what a bomb claims beyond it fails."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (used + SPARE, used + SPARE))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(side: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """``count`` zeros, compressed, without ever holding them."""
    squeeze = zlib.compressobj(9)
    return b"".join([*(squeeze.compress(bytes(2**20)) for _ in range(count >> 20)), squeeze.flush()])


def jpeg(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG")
    return stream.getvalue().replace(struct.pack(">HH", 8, 8), struct.pack(">HH", side, side), 1)


def mat(values: Any) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"LabelMap": values})
    return stream.getvalue()


def inflating(count: int) -> bytes:
    """A MATLAB file with a compressed variable of zeros."""
    squeezed = zeros(count)
    return mat(np.zeros((2, 2)))[:128] + struct.pack("<II", 15, len(squeezed)) + squeezed


def cells(side: int) -> bytes:
    """A structure with a cell array that claims to be ``side`` x ``side``."""
    whole = mat({"a": np.array([[1, "x", 2]], dtype=object)})
    return whole.replace(struct.pack("<ii", 1, 3), struct.pack("<ii", side, side), 1)


def file(name: str, content: bytes) -> Path:
    Path(name).write_bytes(content)
    return Path(name)


def laughs() -> bytes:
    lines = ["name: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 15)]
    return "\n".join(lines).encode()


def archive(method: int, size: int) -> Path:
    with zipfile.ZipFile("a.zip", "w", method) as packed:
        packed.writestr("format.json", '{"format": 1}')
        with packed.open("results.csv", "w", force_zip64=True) as stream:
            for _ in range(size >> 20):
                stream.write(bytes(2**20))
    return Path("a.zip")


def lzma_with_dictionary_of(size: int) -> Path:
    path = archive(zipfile.ZIP_LZMA, 2**20)
    return file(path.name, path.read_bytes().replace(b"\x5d\0\0\x80\0", b"\x5d" + struct.pack("<I", size)))


def opened(path: Path) -> None:
    with unpacked(path):
        pass


def round_of(size: int) -> Any:
    path = Path("results/rooms/random/seed-0/round-00.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.truncate(size)
    return list(Store(Path("results")).rounds()) or None


def parquet(rows: int) -> None:
    """A file whose footer claims rows that nobody wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("image", "segmentation", "depth", "normal")
    table = pa.table({name: pa.array([], pa.list_(pa.float32())) for name in names})
    pq.write_table(pa.concat_tables([table] * 3), "train-0.parquet")
    many = pa.table({name: pa.nulls(rows, pa.list_(pa.float32())) for name in names})
    pq.write_table(many, "train-1.parquet")
    parquet_split(Path(), "train", None)


DEPTH = TaskFolder.model_validate({"name": "depth", "folder": "-"})
HUGE = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}\n"
NPY = b"\x93NUMPY\1\0" + struct.pack("<H", len(HUGE)) + HUGE + bytes(64)
HEADER = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
SAFE = struct.pack("<Q", len(HEADER)) + HEADER
ROWS = struct.pack("<ii", 2, 3)
BOMBS: dict[str, Callable[[], Any]] = {
    "picture": lambda: read_image(png(10_000, chunk(b"IDAT", zeros(10_000 * 10_001)))),
    "JPEG": lambda: read_image(jpeg(65_500)),
    "PNG text": lambda: read_image(png(4, chunk(b"zTXt", b"k\0\0" + zeros(2**28)))),
    "NumPy": lambda: read_label(NPY, ".npy", DEPTH),
    "MATLAB": lambda: read_mat(inflating(2**29), "LabelMap"),
    "MATLAB cells": lambda: read_mat(cells(2**15), "LabelMap"),
    "MATLAB rows": lambda: read_mat(mat(np.zeros((2, 3))).replace(ROWS, b"\0\0\0\x10" * 2), "LabelMap"),
    "YAML": lambda: load_config(file("a.yaml", laughs())),
    "zip": lambda: opened(archive(zipfile.ZIP_DEFLATED, 2**29)),
    "LZMA": lambda: opened(lzma_with_dictionary_of(2**32 - 1)),
    "round": lambda: round_of(2**42),
    "safetensors": lambda: read_weights(file("a.safetensors", SAFE)),
    "parquet rows": lambda: parquet(200_000),
}


def main() -> None:
    """One line a bomb: the refusal, seconds, and the megabytes that it took on top."""
    warnings.simplefilter("ignore")
    read_image(
        png(4, chunk(b"IDAT", zlib.compress(b"\0\1\1\1\1" * 4)))
    )  # what readers import first is no bomb's
    limited()
    for name, explode in BOMBS.items():
        began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            became = type(explode()).__name__.removesuffix("Type")
        except Exception as error:
            became = type(error).__name__
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(name, f"{became} {time.process_time() - began:.2f} {taken:.0f}", sep="\t")


if __name__ == "__main__":
    main()
