"""Variables of MATLAB files, from bytes that can come from anywhere: nothing in them is executed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.labels import MAX_PIXELS, BadFile


def read_mat(data: bytes, key: str) -> NDArray[Any]:
    """The variable ``key`` of a MATLAB file of version 4 to 7. Raises BadFile."""
    from scipy.io import loadmat, whosmat

    try:
        sizes = {name: shape for name, shape, _ in whosmat(io.BytesIO(data))}
        if key in sizes and np.prod(sizes[key], dtype=object) > MAX_PIXELS:
            raise BadFile("unreadable", f"claims {key} of shape {sizes[key]}")
        found = loadmat(io.BytesIO(data), variable_names=[key]) if key in sizes else {}
    except BadFile:
        raise
    except Exception as error:  # the decoder raises anything on hostile bytes
        raise BadFile("unreadable", "is no MATLAB file of version 7 or older, or is damaged") from error
    if key not in found:
        names = ", ".join(map(repr, sizes)) or "nothing"
        raise BadFile("format", f"holds {names}, and should hold {key!r}")
    return np.asarray(found[key])


def read_mat_numbers(data: bytes, key: str) -> NDArray[Any]:
    """The same, for a variable that should be an array of numbers. Raises BadFile."""
    values = read_mat(data, key)
    if values.dtype.kind not in "biuf":
        raise BadFile("format", f"holds {key} of type {values.dtype}, and it should be numbers")
    return values
