"""The MATLAB files of PASCAL: which Context class a pixel is, and which part of a person."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.matlab import read_mat, read_mat_numbers
from benchmark.data.files.pictures import MAX_PIXELS

PERSON = 15
#: Maninis et al. 2019: the 24 parts of PASCAL-Part (Chen et al. 2014) as six.
PART_CLASSES = {
    name: index
    for index, names in enumerate(
        (
            "hair head lear lebrow leye mouth nose rear rebrow reye",
            "neck torso",
            "luarm ruarm",
            "lhand llarm rhand rlarm",
            "luleg ruleg",
            "lfoot llleg rfoot rlleg",
        ),
        start=1,
    )
    for name in names.split()
}


def read_label_map(data: bytes) -> NDArray[np.int32]:
    """Context ids 1 to 459, 0 unknown (H x W). Raises BadFile."""
    values = read_mat_numbers(data, "LabelMap")
    if values.ndim != 2 or not values.size or not ((values >= 0) & (values <= 459)).all():
        raise BadFile("value", "holds a LabelMap that is not H x W ids of 0 to 459")
    return values.astype(np.int32)


def read_parts(data: bytes) -> NDArray[np.uint8] | None:
    """Classes of human parts (H x W, 0 elsewhere), or None without a person that has parts. Raises BadFile.

    A person without parts beside one that has some counts as background, as in published numbers.
    """
    try:
        people = [thing for thing in _objects(data) if thing.kind == PERSON and thing.parts]
        return _painted(people) if people else None
    except BadFile:
        raise
    except Exception as error:  # a structure unlike the annotations fails anywhere
        raise BadFile("format", "holds an 'anno' that is not built like PASCAL-Part annotations") from error


class _Object:
    """One object: its class of 20, its mask, and the names and masks of its parts."""

    def __init__(self, record: Any) -> None:
        self.kind = int(record[1][0][0])
        self.mask = record[2]
        self.parts = [(str(part[0][0]), part[1]) for part in record[3][0]] if len(record[3]) else []


def _objects(data: bytes) -> list[_Object]:
    objects = read_mat(data, "anno")[0][0][1]
    return [_Object(record) for record in objects[0]] if len(objects) else []


def _painted(people: list[_Object]) -> NDArray[np.uint8]:
    mask = people[0].mask
    if mask.ndim != 2 or not 0 < mask.size <= MAX_PIXELS:
        raise BadFile("format", f"holds a person with a mask of shape {mask.shape}, which is no picture")
    label = np.zeros(mask.shape, np.uint8)
    for name, mask in (part for person in people for part in person.parts):
        if name not in PART_CLASSES:
            raise BadFile("value", f"holds a part {name[:40]!r}, which no person has")
        label[mask.astype(bool)] = PART_CLASSES[name]
    return label
