"""Small copies of PASCAL-Context, and what opening one says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset

#: Height and width by id: train, train, val.
SIZES = {"2008_000002": (20, 30), "2008_000010": (30, 20), "2009_000001": (24, 24)}
TRAIN, VAL = ("2008_000002", "2008_000010"), ("2009_000001",)
CANVAS = (32, 32)
Arrays = dict[str, np.ndarray[Any, Any]]


def raw(name: str) -> Arrays:
    rng, (height, width) = np.random.default_rng(int(name[5:])), SIZES[name]
    label_map = np.full((height, width), 187, np.uint16)
    label_map[4:12, 3:14] = 284
    label_map[:, -3:] = 0
    semseg = rng.integers(0, 21, (height, width), dtype=np.uint8)
    semseg[0] = 255
    vectors = rng.normal(size=(height, width, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return {
        "image": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "label_map": label_map,
        "semseg": semseg,
        "normals": np.rint((vectors + 1) * 127.5).astype(np.uint8),
        "saliency": rng.integers(0, 256, (height, width), dtype=np.uint8),
    }


def mask(name: str, rows: slice, columns: slice) -> np.ndarray[Any, Any]:
    found = np.zeros(SIZES[name], np.uint8)
    found[rows, columns] = 1
    return found


def structured(fields: dict[str, Any]) -> np.ndarray[Any, Any]:
    record = np.zeros((1, 1), [(key, object) for key in fields])
    record[0, 0] = tuple(fields.values())
    return record


def annotated(objects: list[tuple[int, Any, list[tuple[str, Any]]]]) -> dict[str, Any]:
    """What a file of PASCAL-Part holds: objects with class, mask, and parts with names and masks."""
    records = np.zeros((1, len(objects)), [(k, object) for k in ("class", "class_ind", "mask", "parts")])
    for index, (kind, whole, parts) in enumerate(objects):
        listed = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for place, part in enumerate(parts):
            listed[0, place] = part
        records[0, index] = ("thing", float(kind), whole, listed if parts else np.zeros((0, 0)))
    return {"anno": structured({"imname": "x", "objects": records})}


def write_parts(root: Path, name: str, objects: list[tuple[int, Any, list[tuple[str, Any]]]]) -> None:
    (root / "human_parts").mkdir(parents=True, exist_ok=True)
    savemat(root / "human_parts" / f"{name}.mat", annotated(objects))


def save(path: Path, values: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, quality=95)


def write(root: Path) -> Path:
    """Train: a person with parts and a horse; a person without parts. Val: no person."""
    for name in SIZES:
        arrays = raw(name)
        save(root / "JPEGImages" / f"{name}.jpg", arrays["image"])
        save(
            root / "semseg" / ("VOC12" if name == TRAIN[0] else "pascal-context") / f"{name}.png",
            arrays["semseg"],
        )
        save(root / "normals_distill" / f"{name}.png", arrays["normals"])
        save(root / "sal_distill" / f"{name}.png", arrays["saliency"])
        (root / "pascal-context" / "trainval").mkdir(parents=True, exist_ok=True)
        savemat(root / "pascal-context" / "trainval" / f"{name}.mat", {"LabelMap": arrays["label_map"]})
    first, second = TRAIN
    head, arm = mask(first, slice(0, 6), slice(2, 8)), mask(first, slice(5, 9), slice(2, 8))
    everything = mask(first, slice(None), slice(None))
    write_parts(
        root,
        first,
        [(13, everything, [("torso", everything)]), (15, everything, [("hair", head), ("lhand", arm)])],
    )
    write_parts(root, second, [(15, mask(second, slice(0, 9), slice(0, 9)), [])])
    write_parts(
        root,
        VAL[0],
        [(13, mask(VAL[0], slice(0, 9), slice(0, 9)), [("head", mask(VAL[0], slice(3), slice(3)))])],
    )
    (root / "ImageSets" / "Context").mkdir(parents=True, exist_ok=True)
    (root / "ImageSets" / "Context" / "train.txt").write_text("\n".join(TRAIN) + "\n")
    (root / "ImageSets" / "Context" / "val.txt").write_text("\n".join(VAL) + "\n")
    return root


def opened(root: Path | None, size: Any = CANVAS, **options: Any) -> Any:
    return open_dataset("pascal", {"size": list(size), **options}, root)


def error(root: Path | None, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        opened(root, **options)
    return str(caught.value)
