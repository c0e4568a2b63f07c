"""Variables of MATLAB files, from bytes that can come from anywhere: nothing in them is executed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.matlab_structure import HEADER, check_structure
from benchmark.data.files.pictures import MAX_PIXELS

#: What compressed variables may unpack to: a label map of 30 megapixels in doubles.
MAX_INFLATED = 2**28
#: The kind of an element that holds another one, compressed.
COMPRESSED = 15


def read_mat(data: bytes, key: str) -> NDArray[Any]:
    """The variable ``key`` of a MATLAB file of version 4 to 7. Raises BadFile."""
    try:
        return _variable(data, key)
    except BadFile:
        raise
    except Exception as error:  # the decoder raises anything on hostile bytes
        raise BadFile("unreadable", "is no MATLAB file of version 7 or older, or is damaged") from error


def _variable(data: bytes, key: str) -> NDArray[Any]:
    from scipy.io import loadmat

    plain = b"".join(_inflated(data))
    if _is_version_4(data):  # its sizes have not been held against its bytes
        _check_size(_shapes(plain), key)
    else:
        check_structure(plain)
    found = loadmat(io.BytesIO(plain), variable_names=[key])
    if key not in found:
        names = ", ".join(map(repr, _shapes(plain))) or "nothing"
        raise BadFile("format", f"holds {names:.200}, and should hold {key!r}")
    values = np.asarray(found[key])
    _check_size({key: values.shape}, key)
    return values


def _shapes(plain: bytes) -> dict[str, tuple[int, ...]]:
    from scipy.io import whosmat

    return {name: shape for name, shape, _ in whosmat(io.BytesIO(plain))}


def _check_size(shapes: Mapping[str, tuple[int, ...]], key: str) -> None:
    if key in shapes and not 0 <= np.prod(shapes[key], dtype=object) <= MAX_PIXELS:
        raise BadFile("unreadable", f"claims {key} of shape {shapes[key]}")


def read_mat_numbers(data: bytes, key: str) -> NDArray[Any]:
    """The same, for a variable that should be an array of numbers. Raises BadFile."""
    values = read_mat(data, key)
    if values.dtype.kind not in "biuf":
        raise BadFile("format", f"holds {key} of type {values.dtype}, and it should be numbers")
    return values


def _is_version_4(data: bytes) -> bool:
    return 0 in data[:4]


def _inflated(data: bytes) -> Iterator[bytes]:
    """The same file without compression. SciPy would unpack a few bytes to any size."""
    if _is_version_4(data):  # which has none
        yield data
        return
    yield data[:HEADER]
    order, at, left = "<" if data[HEADER - 2 : HEADER] == b"IM" else ">", HEADER, MAX_INFLATED
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        element = data[at : at + 8 + size]
        at += 8 + size
        if kind == COMPRESSED:
            element = zlib.decompressobj().decompress(element[8:], left)
        left -= len(element)
        if left <= 0:
            raise BadFile("unreadable", f"unpacks to more than {MAX_INFLATED >> 20} MiB")
        yield element
