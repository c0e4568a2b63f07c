"""NYUD-v2 with something wrong: every mistake is named, with its file."""

from __future__ import annotations

import builtins
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nyud_copies import (
    H,
    W,
    as_bytes,
    error,
    raw,
    save,
    write,
    write_d,
    write_parquet,
)
from scipy.io import savemat

BREAKAGES: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "missing label": (lambda r: (r / "depth/0010.npy").unlink(), ("depth/0010.npy", "missing")),
    "missing folder": (lambda r: shutil.rmtree(r / "edge"), ("edge/0003.npy", "missing", "3 found")),
    "unknown id": (
        lambda r: (r / "gt_sets/val.txt").write_text("0002\n0777\n"), ("images/0777.jpg", "missing")
    ),
    "empty split": (lambda r: (r / "gt_sets/val.txt").write_text("\n"), ("val.txt", "no image of val")),
    "no list": (lambda r: (r / "gt_sets/val.txt").unlink(), ("gt_sets/val.txt", "cannot be read")),
    "id twice": (lambda r: (r / "gt_sets/val.txt").write_text("0002\n0002\n"), ("'0002'", "2 times")),
    "id in both": (lambda r: (r / "gt_sets/val.txt").write_text("0003\n"), ("'0003'", "both")),
    "id with a path": (lambda r: (r / "gt_sets/val.txt").write_text("../0002\n"), ("../0002", "an id")),
    "too many": (
        lambda r: (r / "gt_sets/val.txt").write_text("\n".join(f"{i:04d}" for i in range(1449))),
        ("gt_sets/val.txt", "1449", "654"),
    ),
    "pickle": (
        lambda r: np.save(r / "depth/0003.npy", np.array([{}], object), allow_pickle=True),
        ("depth/0003.npy", "unpickled"),
    ),
    "truncated": (
        lambda r: (r / "segmentation/0003.png").write_bytes((r / "segmentation/0003.png").read_bytes()[:60]),
        ("segmentation/0003.png", "damaged"),
    ),
    "class out of range": (
        lambda r: save(r / "segmentation/0003.png", np.full((H, W), 41, np.uint8)), ("0003.png", "41")
    ),
    "other size": (
        lambda r: save(r / "edge/0003.npy", np.zeros((H, W + 1))), ("edge/0003.npy", "17 wide", "16 wide")
    ),
    "two layouts of one thing": (
        lambda r: save(r / "normals/0003.png", as_bytes(raw(3)["normals"])), ("0003.png", "different layouts")
    ),
    "layouts mixed": (
        lambda r: [shutil.rmtree(r / "edge"), save(r / "edge/0003.png", raw(3)["edge"])],
        ("edge/0003.png", "do not agree"),
    ),
    "too little": (
        lambda r: [shutil.rmtree(r / thing) for thing in ("segmentation", "depth", "normals", "edge")],
        ("say too little", "images/0003.jpg"),
    ),
    "listed and numbered": (write_d, ("gt_sets", "train/image")),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKAGES)
def test_what_is_wrong_is_named(tmp_path: Path, case: str) -> None:
    breakage, hints = BREAKAGES[case]
    breakage(write(tmp_path, "B"))
    message = error(tmp_path)
    assert all(hint in message for hint in hints), message


def test_wrong_variable_and_broken_matlab_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, "A")
    savemat(tmp_path / "depth" / "0003.mat", {"depths": np.ones((H, W))})
    assert "'depths'" in error(tmp_path)
    (tmp_path / "depth" / "0003.mat").write_bytes(b"not a MATLAB file at all" * 20)
    assert "0003.mat" in error(tmp_path)
    savemat(tmp_path / "depth" / "0003.mat", {"depth": np.array([["text"]])})
    assert "should be numbers" in error(tmp_path)


@pytest.mark.parametrize(
    ("place", "values", "hint"),
    [
        ("train/image/0.npy", np.full((H, W, 3), 255.0, np.float32), "0..1"),
        ("train/label/0.npy", np.full((H, W), 13.0), "13"),
        ("train/image/00.npy", np.zeros((H, W, 3), np.float32), "00.npy"),
    ],
)
def test_numbered_files_are_checked(tmp_path: Path, place: str, values: Any, hint: str) -> None:
    save(write_d(tmp_path) / place, values)
    assert hint in error(tmp_path)


def test_parquet_mistakes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_parquet(tmp_path) / "train-00000-of-00001.parquet"
    real_import = builtins.__import__

    def without_pyarrow(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real_import(name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", without_pyarrow)
        assert '-m pip install "pyarrow>=' in error(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + b"\xff" * 400 + whole[404:])
    assert file.name in error(tmp_path)
    file.write_bytes(whole[:200])
    assert file.name in error(tmp_path)
    file.unlink()
    assert "no image of train" in error(tmp_path)
