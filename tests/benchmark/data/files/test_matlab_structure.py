"""MATLAB files walked before they are read: what SciPy writes is sound, what would crash it is refused."""

import io
import struct

import numpy as np
import pytest
from scipy.io import savemat

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.matlab import read_mat
from benchmark.data.files.matlab_structure import HEADER, check_structure

SOUND = {
    "number": 1.5,
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "complex": np.array([1 + 2j, 3]),
    "logical": np.array([True, False]),
    "text": "hello \u00e4",
    "texts": np.array(["ab", "cde"]),
    "empty": np.zeros((0, 3)),
    "cells": np.array([1, "two", np.eye(3)], dtype=object),
    "structure": {"a": 1, "nested": {"b": "c", "d": np.arange(4)}},
}


def saved(compressed=False, **variables):
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=compressed)
    return stream.getvalue()


@pytest.mark.parametrize("name", SOUND)
def test_what_scipy_writes_is_sound(name):
    check_structure(saved(value=SOUND[name]))
    assert (
        read_mat(saved(compressed=True, value=SOUND[name]), "value").size
        == np.asarray(read_mat(saved(value=SOUND[name]), "value")).size
    )


def test_all_variables_of_a_file_are_walked():
    sound = saved(**SOUND)
    check_structure(sound)
    with pytest.raises((ValueError, struct.error)):
        check_structure(sound[:-9])


@pytest.mark.parametrize("name", ["number", "bytes", "cells", "structure"])
@pytest.mark.parametrize("change", [2**31 - 1, 2**32 - 1, 7])
def test_sizes_that_do_not_agree_are_refused(name, change):
    """Each number of the file in turn is changed; whatever is let through, SciPy reads without a crash."""
    sound = saved(value=SOUND[name])
    refused = 0
    for at in range(HEADER, len(sound) - 3, 4):
        changed = sound[:at] + struct.pack("<I", change) + sound[at + 4 :]
        try:
            read_mat(changed, "value")
        except BadFile:
            refused += 1
    assert refused >= 5


def test_arrays_in_arrays_without_end_are_refused():
    inner = np.array([1.0])
    for _ in range(30):
        cell = np.empty(1, dtype=object)
        cell[0] = inner
        inner = cell
    with pytest.raises(BadFile):
        read_mat(saved(value=inner), "value")
