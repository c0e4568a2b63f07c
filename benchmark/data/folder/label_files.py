"""From the bytes of a user's file to a label in the formats of ``benchmark.data.dataset.Sample``.

Files come from anywhere: every decoder's error, whatever its type, becomes a BadFile.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.pictures import (
    Orientation,
    loaded,
    open_picture,
    orientation_of,
    placed,
    read_picture,
)
from benchmark.data.folder.config import TaskFolder
from strategies.interface import Kind

IGNORE = 255  # as Sample says
LABEL_ENDINGS = (".png", ".npy")
MOST_AXES = 4
LARGEST_TABLE = 2**16
#: A vector that is shorter has no direction.
SHORTEST = 1e-3

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

Decode = Callable[[NDArray[Any], TaskFolder], NDArray[Any]]


def read_label(data: bytes, ending: str, task: TaskFolder, exif: Orientation = "refuse") -> NDArray[Any]:
    """A label in the format of its kind, from a PNG or NumPy file. Raises BadFile."""
    return as_label(read_values(data, ending, _kind(task), exif), task)


def read_values(data: bytes, ending: str, kind: Kind, exif: Orientation = "refuse") -> NDArray[Any]:
    """The values of a PNG or NumPy file as they are stored. Raises BadFile."""
    return read_npy(data) if ending == ".npy" else _read_png(data, kind, exif)


def as_label(values: NDArray[Any], task: TaskFolder) -> NDArray[Any]:
    """A label in the format of its kind, from an array in the format of files. Raises BadFile."""
    kind = _kind(task)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    wanted = values.ndim == 3 and values.shape[2] == 3 if kind == "direction" else values.ndim == 2
    if not wanted:
        raise BadFile("format", f"is of shape {values.shape}, where {task.name} needs {_WANTED[kind]}")
    return _DECODERS[kind](values, task)


def _read_png(data: bytes, kind: Kind, exif: Orientation) -> NDArray[Any]:
    picture = open_picture(data, ("PNG",))
    if data[12:16] != b"IHDR":
        raise BadFile("unreadable", "is damaged: its header does not come first")
    bits, colour = data[24], data[25]  # of the header chunk (PNG 1.2, section 11.2.2)
    if picture.mode not in _LABEL_MODES[kind]:
        raise BadFile("format", f"is a PNG of mode {picture.mode}, where {kind} labels need {_WANTED[kind]}")
    if picture.mode == "RGB":
        return read_picture(data, exif).pixels
    values = placed(np.asarray(loaded(picture)), orientation_of(picture, exif), exif)
    # Pillow stretches the values of grey files of 2 and 4 bits to 0..255.
    return values // (255 // (2**bits - 1)) if colour == 0 and bits in (2, 4) else values


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
        return values
    with np.errstate(over="ignore"):  # half floats end before 2^53
        broken = ~np.isfinite(values) | (values != np.round(values)) | (np.abs(values) > 2**53)
    if broken.any():
        raise BadFile("value", f"holds {_listed(values[broken])}, where whole numbers should be")
    return values.astype(np.int64)


def _by_value(values: NDArray[Any], task: TaskFolder, decode: Decode) -> NDArray[Any]:
    """``decode`` of all numbers; small whole ones are decoded once each, and looked up."""
    if values.dtype.kind not in "biu" or not values.size:
        return decode(values, task)
    values = values.astype(np.uint8) if values.dtype == np.bool_ else values
    if values.dtype == np.uint8:
        return _by_byte(values, task, decode)
    low, high = int(values.min()), int(values.max())
    if high - low >= LARGEST_TABLE or not -(2**62) < low <= high < 2**62:
        return decode(values, task)
    places = values.astype(np.int64) - low
    is_there = np.bincount(places.ravel(order="K"), minlength=high - low + 1) > 0
    decoded = decode(np.flatnonzero(is_there) + low, task)
    table = np.zeros(len(is_there), decoded.dtype)
    table[is_there] = decoded
    return table.take(places)


def _by_byte(values: NDArray[np.uint8], task: TaskFolder, decode: Decode) -> NDArray[Any]:
    table, is_wrong = _byte_table(task, decode)
    if is_wrong is not None and is_wrong.take(values).any():
        return decode(values, task)  # which says what is wrong
    decoded: NDArray[Any] = table.take(values)
    return decoded


@cache
def _byte_table(task: TaskFolder, decode: Decode) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """What each byte is decoded to, and which of them mean nothing (None: all mean something)."""
    decoded: list[NDArray[Any] | None] = []
    for byte in range(256):
        try:
            decoded.append(decode(np.array([byte]), task))
        except BadFile:
            decoded.append(None)
    known = next((one for one in decoded if one is not None), np.zeros(1, np.uint8))
    table = np.concatenate([np.zeros_like(known) if one is None else one for one in decoded])
    is_wrong = np.array([one is None for one in decoded])
    return table, is_wrong if is_wrong.any() else None


def _categorical(values: NDArray[Any], task: TaskFolder) -> NDArray[Any]:
    return _by_value(_whole(values), task, _classes)


def _classes(values: NDArray[Any], task: TaskFolder) -> NDArray[np.uint8]:
    ignored, ids = np.isin(values, task.ignored), values.astype(np.int64) - task.first_class
    wrong = ~ignored & ((ids < 0) | (ids >= len(task.classes)))
    if wrong.any():
        last = task.first_class + len(task.classes) - 1
        raise BadFile(
            "value",
            f"holds {_listed(values[wrong])}, and {task.name} has classes {task.first_class}..{last}"
            f" and ignores {list(task.ignored)}",
        )
    return np.where(ignored, IGNORE, ids).astype(np.uint8)


def _binary(values: NDArray[Any], task: TaskFolder) -> NDArray[Any]:
    return _by_value(values, task, _yes_or_no)


def _yes_or_no(values: NDArray[Any], task: TaskFolder) -> NDArray[np.uint8]:
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


def _scalar(values: NDArray[Any], task: TaskFolder) -> NDArray[Any]:
    return _by_value(values, task, _numbers)


def _numbers(values: NDArray[Any], task: TaskFolder) -> NDArray[np.float32]:
    unmeasured = np.isnan(values)
    for mark in task.unmeasured:  # compared in the file's own precision: -9999.9 is another number in float32
        unmeasured |= values == (values.dtype.type(mark) if values.dtype.kind == "f" else mark)
    with np.errstate(over="ignore"):
        scaled = values if task.scale == 1 else values * np.float64(task.scale)
        numbers: NDArray[np.float32] = scaled.astype(np.float32)  # a copy
    numbers[unmeasured] = np.nan
    if np.isinf(numbers).any():
        raise BadFile(
            "value", "holds infinite numbers, where NaN (or a number listed as invalid) means not measured"
        )
    return numbers


def _direction(values: NDArray[Any], task: TaskFolder) -> NDArray[np.float32]:
    if values.dtype in (np.uint8, np.uint16):
        return _unit_codes(values)
    if values.dtype.kind != "f":
        raise BadFile(
            "format",
            f"holds {values.dtype}, where {task.name} needs bytes (2x/255 - 1), 16 bits (2x/65535 - 1) or "
            "floats",
        )
    with np.errstate(over="ignore"):  # what is infinite then is refused for its length
        return _unit_floats(values.astype(np.float32))  # a copy


def _unit_floats(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if (unknown := np.isnan(vectors).any(2)).any():
        vectors[unknown] = 0
    length = _length(vectors)
    if not (length < 1.5).all():
        raise BadFile(
            "value", f"holds vectors of length {_listed(length[~(length < 1.5)])}, and a normal's is 1"
        )
    _refuse_most(length, lambda: length <= SHORTEST)
    return _unit(vectors, length, length > SHORTEST)


def _unit_codes(values: NDArray[Any]) -> NDArray[np.float32]:
    vectors = _components(np.iinfo(values.dtype).max).take(values)
    length = _length(vectors)
    _refuse_most(length, lambda: _padding(vectors))
    return _unit(vectors, length, np.abs(length - 1) < 0.5)


@cache
def _components(top: int) -> NDArray[np.float32]:
    """What 0 .. top say of one component of a vector."""
    return (np.arange(top + 1, dtype=np.float32) / np.float32(top / 2) - 1).astype(np.float32)


def _length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lengths (H x W) of vectors (H x W x 3)."""
    x, y, z = np.moveaxis(vectors, 2, 0)
    length: NDArray[np.float32] = np.sqrt(x * x + y * y + z * z)
    return length


def _padding(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels (H x W) that are black, white or middle grey, or what JPEG makes of these.

    No rounding turns a unit vector into them.
    """
    low, high = vectors.min(2), vectors.max(2)
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


def _unit(
    vectors: NDArray[np.float32], length: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The vectors themselves, changed: those that are known of length 1, the others zero."""
    divisor = np.where(known, length, np.float32(np.inf))
    for axis in range(3):  # NumPy is slow along so short an axis
        vectors[..., axis] /= divisor
    return vectors


_DECODERS: Mapping[Kind, Callable[[NDArray[Any], TaskFolder], NDArray[Any]]] = {
    "categorical": _categorical,
    "binary": _binary,
    "scalar": _scalar,
    "direction": _direction,
}
