"""Folders of images and labels with the YAML file that describes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.data.folder.dataset import open_folder
from benchmark.errors import UserError

HEIGHT, WIDTH = 12, 16
SEMSEG = {"folder": "{split}/semseg", "classes": ["wall", "floor", "door"]}
IMAGE = {"folder": "{split}/image"}


def write_png(path: Path, values: np.ndarray[Any, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def picture(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def grey(value: int = 0, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.full((HEIGHT, WIDTH), value, dtype)


class Folder:
    """A data set on disk with two train images and one val image, to be broken by the tests."""

    def __init__(self, root: Path, tasks: dict[str, Any] | None = None, **fields: Any) -> None:
        self.root = root
        self.fields: dict[str, Any] = {"name": "mine", "image": IMAGE, "tasks": tasks or {"semseg": SEMSEG}}
        self.fields |= fields
        for seed, (split, stem) in enumerate((("train", "a"), ("train", "b"), ("val", "c"))):
            write_png(root / split / "image" / f"{stem}.png", picture(seed))

    def label(self, task: str, write: Callable[[Path], Any]) -> Folder:
        for path in (self.root / "train" / task / "a", self.root / "train" / task / "b"):
            write(path)
        write(self.root / "val" / task / "c")
        return self

    def semseg(self) -> Folder:
        return self.label("semseg", lambda path: write_png(path.with_suffix(".png"), grey(1)))

    @property
    def yaml(self) -> Path:
        path = self.root / "dataset.yaml"
        path.write_text(yaml.safe_dump(self.fields, allow_unicode=True), encoding="utf-8")
        return path

    def open(self) -> Any:
        return open_folder(self.yaml)

    def error(self) -> str:
        with pytest.raises(UserError) as caught:
            self.open()
        return str(caught.value)
