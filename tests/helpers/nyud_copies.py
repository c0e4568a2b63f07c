"""Small copies of NYUD-v2 in every layout, and what opening one says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset

H, W = 12, 16
IDS = {"train": ("0003", "0010"), "val": ("0002",)}
Arrays = dict[str, np.ndarray[Any, Any]]


def raw(seed: int, classes: int = 41) -> Arrays:
    """What an annotator gives: class ids from 0 (nothing), metres, vectors and lines."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(H, W, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    normals[:2] = 0
    depth = rng.uniform(0.7, 9, (H, W)).astype(np.float32)
    depth[0, :5] = 0
    return {
        "image": rng.integers(0, 256, (H, W, 3), dtype=np.uint8),
        "semseg": rng.integers(0, classes, (H, W), dtype=np.uint8),
        "depth": depth,
        "normals": normals,
        "edge": rng.integers(0, 2, (H, W), dtype=np.uint8),
    }


def as_bytes(normals: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.rint((normals + 1) * 127.5).astype(np.uint8)


def save(path: Path, values: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".mat":
        savemat(path, {path.parent.name: values})
    else:
        Image.fromarray(values).save(path, quality=95, subsampling=0)


def stored(path: Path) -> np.ndarray[Any, Any]:
    """The values of a file, as they are stored."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".mat":
        return loadmat(path)[path.parent.name]
    with Image.open(path) as picture:
        return np.asarray(picture)


def write_a(root: Path, name: str, arrays: Arrays) -> None:
    save(root / "images" / f"{name}.jpg", arrays["image"])
    save(root / "segmentation" / f"{name}.mat", arrays["semseg"])
    save(root / "depth" / f"{name}.mat", arrays["depth"])
    save(root / "normals" / f"{name}.jpg", as_bytes(arrays["normals"]))
    save(root / "edge" / f"{name}.png", arrays["edge"] * 255)


def write_b(root: Path, name: str, arrays: Arrays) -> None:
    save(root / "images" / f"{name}.jpg", arrays["image"])
    save(root / "segmentation" / f"{name}.png", arrays["semseg"])
    save(root / "depth" / f"{name}.npy", arrays["depth"])
    save(root / "normals" / f"{name}.npy", arrays["normals"])
    save(root / "edge" / f"{name}.npy", arrays["edge"].astype(np.float32))


def write_c(root: Path, name: str, arrays: Arrays) -> None:
    save(root / "images" / f"{name}.png", arrays["image"])
    save(root / "segmentation" / f"{name}.png", arrays["semseg"])
    save(root / "depth" / f"{name}.npy", arrays["depth"])
    save(root / "normals" / f"{name}.png", as_bytes(arrays["normals"]))
    save(root / "edge" / f"{name}.png", arrays["edge"] * 255)


WRITERS: dict[str, Callable[[Path, str, Arrays], None]] = {"A": write_a, "B": write_b, "C": write_c}


def write(root: Path, layout: str) -> Path:
    for split, ids in IDS.items():
        (root / "gt_sets").mkdir(parents=True, exist_ok=True)
        (root / "gt_sets" / f"{split}.txt").write_text("\n".join(reversed(ids)) + "\n")
        for name in ids:
            WRITERS[layout](root, name, raw(int(name)))
    return root


def write_d(root: Path) -> Path:
    for seed, (split, number) in enumerate((("train", 0), ("train", 1), ("val", 0))):
        arrays = raw(seed, classes=14)
        save(root / split / "image" / f"{number}.npy", arrays["image"].astype(np.float32) / 255)
        save(root / split / "label" / f"{number}.npy", arrays["semseg"].astype(np.float32) - 1)
        save(root / split / "depth" / f"{number}.npy", arrays["depth"][..., None])
        save(root / split / "normal" / f"{number}.npy", arrays["normals"])
    return root


def write_parquet(root: Path) -> Path:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra `parquet`")
    from pyarrow import parquet

    root.mkdir(parents=True, exist_ok=True)
    for split, seeds in (("train", (0, 1)), ("val", (2,))):
        rows = [raw(seed, classes=14) for seed in seeds]
        columns = {
            "image": [(row["image"].astype(np.float32) / 255).transpose(2, 0, 1).tolist() for row in rows],
            "segmentation": [(row["semseg"].astype(np.int64) - 1).tolist() for row in rows],
            "depth": [row["depth"][None].tolist() for row in rows],
            "normal": [row["normals"].transpose(2, 0, 1).tolist() for row in rows],
        }
        table = pa.table(
            {
                name: pa.array(
                    values,
                    pa.list_(pa.list_(pa.int64()))
                    if name == "segmentation"
                    else pa.list_(pa.list_(pa.list_(pa.float32()))),
                )
                for name, values in columns.items()
            }
        )
        parquet.write_table(table, root / f"{split}-00000-of-00001.parquet", row_group_size=1)
    return root


def opened(root: Path, **options: Any) -> Any:
    return open_dataset("nyud", options, root)


def error(root: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        opened(root, **options)
    return str(caught.value)
