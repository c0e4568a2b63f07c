"""From the bytes of a user's file to an image or a label in the formats of ``benchmark.data.dataset.Sample``.

Files come from anywhere: every decoder's error, whatever its type, becomes a BadFile.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark import reading
from benchmark.data.folder_config import TaskFolder
from strategies.interface import Kind

IGNORE = 255  # as Sample says
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
LABEL_ENDINGS = (".png", ".npy")
#: Below Pillow's own limit, so that its warning never comes alone.
MAX_PIXELS = 80_000_000
MAX_BYTES = 2**31
MOST_AXES = 4
#: A vector that is shorter has no direction.
SHORTEST = 1e-3

_IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
_IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_LABEL_MODES: Mapping[Kind, tuple[str, ...]] = {
    "categorical": ("1", "L", "P", "I;16", "I"),
    "binary": ("1", "L", "P", "I;16", "I"),
    "scalar": ("L", "I;16", "I"),
    "direction": ("RGB",),
}
_WANTED: Mapping[Kind, str] = {
    "categorical": "one channel of class ids, grey or palette indices",
    "binary": "one channel, grey or palette indices",
    "scalar": "one grey channel of numbers, not colours",
    "direction": "three channels, x y z",
}


class BadFile(Exception):  # noqa: N818 - it is the file that is bad
    """What is wrong with a file: the rest of a sentence that begins with its path."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises BadFile."""
    try:
        return reading.read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise BadFile("unreadable", f"cannot be read: {error.strerror or error}") from None


def read_image(data: bytes) -> NDArray[np.uint8]:
    """An RGB image (H x W x 3) without its transparency; EXIF orientation is not applied. Raises BadFile."""
    picture = _open(data, _IMAGE_FORMATS)
    if picture.mode not in _IMAGE_MODES:
        raise BadFile(
            "unreadable", f"has pixels of mode {picture.mode}; an image should have 8 bits a channel"
        )
    return np.array(_decoded(picture, "RGB"))  # a copy: torch wants to write


def read_label(data: bytes, ending: str, task: TaskFolder) -> NDArray[Any]:
    """A label in the format of its kind, from a PNG or NumPy file. Raises BadFile."""
    return as_label(read_values(data, ending, _kind(task)), task)


def read_values(data: bytes, ending: str, kind: Kind) -> NDArray[Any]:
    """The values of a PNG or NumPy file as they are stored. Raises BadFile."""
    return read_npy(data) if ending == ".npy" else _read_png(data, kind)


def as_label(values: NDArray[Any], task: TaskFolder) -> NDArray[Any]:
    """A label in the format of its kind, from an array in the format of files. Raises BadFile."""
    kind = _kind(task)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    wanted = values.ndim == 3 and values.shape[2] == 3 if kind == "direction" else values.ndim == 2
    if not wanted:
        raise BadFile("format", f"is of shape {values.shape}, where {task.name} needs {_WANTED[kind]}")
    return _DECODERS[kind](values, task)


def resized_image(image: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The image at size (height, width), bilinear, antialiased where it shrinks."""
    if size is None or image.shape[:2] == size:
        return image
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resized_label(label: NDArray[Any], size: tuple[int, int] | None) -> NDArray[Any]:
    """The label at size (height, width): the nearest pixel, never a mixture."""
    if size is None or label.shape[:2] == size:
        return label
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, label.shape, strict=False)
    )
    return np.ascontiguousarray(label[rows[:, None], columns])


def _open(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadFile("unreadable", f"has more than {MAX_PIXELS // 10**6} megapixels") from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadFile("unreadable", f"is no {' or '.join(formats)} file or is damaged") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise BadFile("unreadable", f"has more than {MAX_PIXELS // 10**6} megapixels")
    return picture


def _decoded(picture: Image.Image, mode: str | None = None) -> Image.Image:
    try:
        picture.load()
        return picture if mode is None else picture.convert(mode)
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadFile("unreadable", f"is damaged: {error}") from error


def _read_png(data: bytes, kind: Kind) -> NDArray[Any]:
    picture = _open(data, ("PNG",))
    if data[12:16] != b"IHDR":
        raise BadFile("unreadable", "is damaged: its header does not come first")
    if picture.mode not in _LABEL_MODES[kind]:
        raise BadFile("format", f"is a PNG of mode {picture.mode}, where {kind} labels need {_WANTED[kind]}")
    values = np.asarray(_decoded(picture))
    bits, grey = data[24], data[25] == 0  # of the header chunk (PNG 1.2, section 11.2.2)
    # Pillow stretches the values of grey files of 2 and 4 bits to 0..255.
    return values // (255 // (2**bits - 1)) if grey and bits in (2, 4) else values


def read_npy(data: bytes) -> NDArray[Any]:
    """Like ``numpy.load(allow_pickle=False)``, but a header that lies allocates nothing. Raises BadFile."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        reader = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = reader(stream)
    except Exception as error:  # hostile bytes
        raise BadFile("unreadable", "is no NumPy file or is damaged") from error
    if dtype.kind not in "biuf":
        raise BadFile("format", f"holds {dtype}, and a label should be numbers (nothing is unpickled)")
    if len(shape) > MOST_AXES:
        raise BadFile("format", f"has {len(shape)} axes, and a label has two or three")
    if (
        any(side < 1 for side in shape)
        or dtype.itemsize * int(np.prod(shape, dtype=object)) > len(data) - stream.tell()
    ):
        raise BadFile("unreadable", "is damaged: it holds less than its header says")
    count = int(np.prod(shape, dtype=object))
    values = np.frombuffer(data, dtype, count, stream.tell())
    return values.reshape(shape, order="F" if fortran else "C")


def _kind(task: TaskFolder) -> Kind:
    assert task.kind is not None, "a checked configuration has every kind"
    return task.kind


def _listed(values: NDArray[Any]) -> str:
    """A few of the values, each once."""
    found = np.unique(values)
    return ", ".join(f"{value:g}" for value in found[:5]) + (" ..." if len(found) > 5 else "")


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    with np.errstate(over="ignore"):  # half floats end before 2^53
        broken = ~np.isfinite(values) | (values != np.round(values)) | (np.abs(values) > 2**53)
    if broken.any():
        raise BadFile("value", f"holds {_listed(values[broken])}, where whole numbers should be")
    return values.astype(np.int64)


def _categorical(values: NDArray[Any], task: TaskFolder) -> NDArray[np.uint8]:
    values = _whole(values)
    ignored, ids = np.isin(values, task.ignored), values - task.first_class
    wrong = ~ignored & ((ids < 0) | (ids >= len(task.classes)))
    if wrong.any():
        last = task.first_class + len(task.classes) - 1
        raise BadFile(
            "value",
            f"holds {_listed(values[wrong])}, and {task.name} has classes {task.first_class}..{last}"
            f" and ignores {list(task.ignored)}",
        )
    return np.where(ignored, IGNORE, ids).astype(np.uint8)


def _binary(values: NDArray[Any], task: TaskFolder) -> NDArray[np.uint8]:
    ignored = np.isin(values, task.ignored)
    if task.threshold is not None:
        if not np.isfinite(values).all():
            raise BadFile("value", f"holds {_listed(values[~np.isfinite(values)])}, which is no number")
        return np.where(ignored, IGNORE, values > task.threshold).astype(np.uint8)
    positive = np.isin(values, task.positive)
    wrong = ~(ignored | positive | (values == 0))
    if wrong.any():
        raise BadFile(
            "value",
            f"holds {_listed(values[wrong])}, and {task.name} knows 0 (no), {list(task.positive)} (yes) and"
            f" {list(task.ignored)} (ignored); give positive, ignore or threshold",
        )
    return np.where(ignored, IGNORE, positive).astype(np.uint8)


def _scalar(values: NDArray[Any], task: TaskFolder) -> NDArray[np.float32]:
    unmeasured = np.isnan(values)
    for mark in task.unmeasured:  # compared in the file's own precision: -9999.9 is another number in float32
        unmeasured |= values == (values.dtype.type(mark) if values.dtype.kind == "f" else mark)
    with np.errstate(over="ignore"):
        numbers = np.where(unmeasured, np.nan, values * np.float64(task.scale)).astype(np.float32)
    if np.isinf(numbers).any():
        raise BadFile(
            "value", "holds infinite numbers, where NaN (or a number listed as invalid) means not measured"
        )
    return numbers


def _direction(values: NDArray[Any], task: TaskFolder) -> NDArray[np.float32]:
    if values.dtype == np.uint8:
        return _unit_bytes(values)
    if values.dtype.kind != "f":
        raise BadFile("format", f"holds {values.dtype}, where {task.name} needs bytes (2x/255 - 1) or floats")
    with np.errstate(over="ignore"):  # what is infinite then is refused for its length
        return _unit_floats(values.astype(np.float32))


def _unit_floats(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    vectors = np.where(np.isnan(vectors).any(2, keepdims=True), np.float32(0), vectors)
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    if not (length < 1.5).all():
        raise BadFile(
            "value", f"holds vectors of length {_listed(length[~(length < 1.5)])}, and a normal's is 1"
        )
    _refuse_most(length, lambda: length <= SHORTEST)
    return _unit(vectors, length)


def _unit_bytes(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    vectors = values.astype(np.float32) / 127.5 - 1
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    _refuse_most(length, lambda: _padding(vectors))
    return _unit(vectors, np.where(np.abs(length - 1) < 0.5, length, 0))


def _padding(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels (H x W x 1) that are black, white or middle grey, or what JPEG makes of these.

    No rounding turns a unit vector into them.
    """
    low, high = vectors.min(2, keepdims=True), vectors.max(2, keepdims=True)
    padding: NDArray[np.bool_] = np.any(
        [(low > mark - 0.07) & (high < mark + 0.07) for mark in (-1, 0, 1)], axis=0
    )
    return padding


def _refuse_most(length: NDArray[np.float32], padding: Callable[[], NDArray[np.bool_]]) -> None:
    """Raises BadFile if most vectors are off: brought to length 1 they would look like normals, and be none.

    Some always are: JPEG and resizing mix the directions of surfaces that meet.
    """
    off = np.abs(length - 1) > 0.1
    if _most(off) and _most(off := off & ~padding()):
        raise BadFile(
            "unit",
            f"holds vectors of a median length of {np.median(length[off]):.2g}, and normals should be of"
            " length 1, or 0 where nothing is known (floats from -1 to 1, or bytes with 2x/255 - 1)",
        )


def _most(found: NDArray[np.bool_]) -> bool:
    return 2 * int(np.count_nonzero(found)) > found.size


def _unit(vectors: NDArray[np.float32], length: NDArray[np.float32]) -> NDArray[np.float32]:
    known = length > SHORTEST
    return np.where(known, vectors / np.maximum(length, SHORTEST), 0).astype(np.float32)


_DECODERS: Mapping[Kind, Callable[[NDArray[Any], TaskFolder], NDArray[Any]]] = {
    "categorical": _categorical,
    "binary": _binary,
    "scalar": _scalar,
    "direction": _direction,
}
