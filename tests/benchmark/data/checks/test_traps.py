"""Data that would be trained on without a word, and mean something else: `data check` and a run name each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.protocol.bench import open_bench

HEIGHT, WIDTH = 24, 32
SPLITS = {"train": ("a", "b", "c"), "val": ("d", "e")}
Array = np.ndarray[Any, Any]


def sound(task: str, seed: int) -> Array:
    """A label file of each task as the defaults read it; depth in millimetres of 16 bits."""
    rng = np.random.default_rng(seed)
    if task in ("edge", "saliency"):
        return (rng.random((HEIGHT, WIDTH)) < 0.2).astype(np.uint8)
    if task in ("semseg", "human_parts"):
        return rng.integers(0, 7, (HEIGHT, WIDTH), dtype=np.uint8)
    if task in ("depth", "height"):
        return rng.integers(700, 9000, (HEIGHT, WIDTH)).astype(np.uint16)
    normals = rng.normal(size=(HEIGHT, WIDTH, 3))
    return (normals / np.linalg.norm(normals, axis=2, keepdims=True)).astype(np.float32)


FIELDS: dict[str, dict[str, Any]] = {
    "semseg": {"classes": 7},
    "depth": {"scale": 0.001},
    "height": {"kind": "scalar", "scale": 0.001},
}


class Data:
    """A small data set with one task, sound until ``change`` alters its label files."""

    def __init__(self, root: Path, task: str, **fields: Any) -> None:
        self.root, self.task = root, task
        self.fields = {"folder": "{split}/label", **FIELDS.get(task, {}), **fields}
        for seed, (split, stem) in enumerate((s, stem) for s, stems in SPLITS.items() for stem in stems):
            image = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            for folder, values in (("image", image), ("label", sound(task, seed))):
                self.write(split, folder, stem, values)

    def write(self, split: str, folder: str, stem: str, values: Array) -> Path:
        place = self.root / split / folder
        place.mkdir(parents=True, exist_ok=True)
        if values.dtype.kind == "f":
            np.save(place / f"{stem}.npy", values)
            return place / f"{stem}.npy"
        Image.fromarray(values).save(place / f"{stem}.png")
        return place / f"{stem}.png"

    def change(self, change: Callable[[Array], Array], split: str = "", few: int = 9) -> Data:
        """Alter the labels of a split, or of both; or only the first few."""
        stems = [(s, stem) for s in SPLITS if split in ("", s) for stem in SPLITS[s][:few]]
        for seed, (where, stem) in enumerate(stems):
            for old in (self.root / where / "label").glob(f"{stem}.*"):
                old.unlink()
            self.write(where, "label", stem, change(sound(self.task, 50 + seed)))
        return self

    @property
    def yaml(self) -> Path:
        path = self.root / "data.yaml"
        described = {"name": "mine", "image": {"folder": "{split}/image"}, "tasks": {self.task: self.fields}}
        path.write_text(yaml.safe_dump(described))
        return path

    def opened(self, heard: Any) -> Any:
        """As a run opens it, before it trains anything."""
        small = {"iterations": 1, "batch_size": 2}
        fields = {"dataset": str(self.yaml), "budgets": [1, 2], "strategies": ["random"], "seeds": [0]}
        return open_bench(validated({**fields, "recipe": small}, "test"), self.root / "out", heard)


class Heard:
    """What a run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        if not line.startswith("Data: "):  # where they lie
            self.said.append(line)


def times(factor: float) -> Callable[[Array], Array]:
    return lambda label: (label * factor).astype(label.dtype)


def full(value: Any, dtype: Any = np.uint8, *shape: int) -> Callable[[Array], Array]:
    return lambda label: np.full((HEIGHT, WIDTH, *shape), value, dtype)


def spotted(value: int) -> Callable[[Array], Array]:
    """A number that stands for nothing at one pixel in a hundred."""

    def change(label: Array) -> Array:
        label = label.copy()
        label.ravel()[::100] = value
        return label

    return change


def eight_bits(value: int) -> Callable[[Array], Array]:
    return lambda label: spotted(value)((label // 40).astype(np.uint8))


#: By name: the task, what its YAML says besides, which split is changed, how, and what must be said of it.
FATAL: dict[str, tuple[str, dict[str, Any], str, Callable[[Array], Array], str]] = {
    "edges of 255": ("edge", {}, "", times(255), "no pixel of the 3 edge labels says yes (21.5%"),
    "edges of 255, what to write": ("edge", {}, "", times(255), "write positive: 255"),
    "objects of 255 in val": ("saliency", {}, "val", times(255), "val: no pixel of the 2 saliency labels"),
    "edges under a threshold": (
        "edge", {"threshold": 127.5}, "", times(1), "a value over 127.5 means yes (threshold, ignore)"
    ),
    "no object": ("saliency", {}, "train", times(0), "train: no pixel of the 3 saliency labels says yes"),
    "no object, what is read": ("saliency", {}, "", times(0), "0 means no, 1 means yes, and 255 is ignored"),
    "nothing but objects": ("saliency", {}, "val", full(1), "val: no pixel of the 2 saliency labels says no"),
    "two codings": (
        "edge", {}, "train", lambda label: label * 255, "write positive: [1, 255]; if not, write ignore: 255"
    ),
    "a stray 1": (
        "saliency", {}, "",
        lambda label: np.where(np.indices(label.shape).sum(0) == 0, 1, label * 255).astype(np.uint8),
        "3 pixels of the saliency labels say yes, and ",
    ),
    "ignored edges": ("edge", {}, "", full(255), "every pixel of the 3 edge labels is ignored"),
    "ignored classes": ("semseg", {}, "val", full(255), "val: every pixel of the 2 semseg labels is ignored"),
    "ignored parts": (
        "human_parts", {"classes": 7}, "", full(255), "every pixel of the 3 human_parts labels is ignored"
    ),
    "background alone": (
        "human_parts", {"classes": 7}, "train", full(0), "labels is of one class, 'class 0'; its files should"
    ),
    "one class": ("semseg", {}, "train", full(3), "every valid pixel of the 3 semseg labels is of one class"),
    "no depth": ("depth", {}, "val", full(0, np.uint16), "every pixel of the 2 depth labels is without"),
    "flat depth": ("depth", {}, "train", full(900, np.uint16), "every pixel of the 3 depth labels is 0.9"),
    "no height": ("height", {"invalid": 7}, "", full(7, np.uint16), "height labels is without a measurement"),
    "no normals": ("normals", {}, "", full(0, np.float32, 3), "pixel of the 3 normals labels is without"),
    "grey normals": ("normals", {}, "val", full(128, np.uint8, 3), "the 2 normals labels is without a"),
    "one normal": (
        "normals", {}, "", lambda label: np.float32([0, 0, 1]) + 0 * label, "is (0.00, 0.00, 1.00)"
    ),
    "65535 means none": ("depth", {}, "", spotted(65535), "1.04% of the depth pixels are 65.535, the"),
    "65535 in val": ("depth", {"invalid": 0}, "val", spotted(65535), "list the file's value under invalid"),
    "65.535 in metres": (
        "depth", {"scale": 1}, "", lambda label: spotted(65535)(label).astype(np.float32) / 1000, "are 65.535"
    ),
    "32767 means none": ("depth", {}, "train", spotted(32767), "depth pixels are 32.767, the largest"),
    "255 means none": ("depth", {"scale": 0.04}, "", eight_bits(255), "depth pixels are 10.2, the largest"),
    "millimetres": ("depth", {"scale": 1}, "", times(1), "and should hold metres (not millimetres)"),
    "centimetres": ("depth", {"scale": 0.1}, "val", times(1), "and should hold metres (not millimetres)"),
    "kilometres": ("depth", {"scale": 1e-6}, "", times(1), "and should hold metres (not kilometres)"),
    "-1 means none": (
        "depth", {"scale": 1}, "", lambda d: np.where(d < 2000, -1, d / 1e3), "has a distance of -1, and"
    ),
}  # fmt: skip


@pytest.mark.parametrize("trap", FATAL)
def test_what_cannot_be_meant_is_named_and_not_trained_on(tmp_path: Path, data_check: Any, trap: str) -> None:
    task, fields, split, change, words = FATAL[trap]
    few = 1 if trap == "two codings" else 9
    data = Data(tmp_path, task, **fields).change(change, split, few)
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 1
    assert words in checked.text.partition("Problems:\n")[2]
    with pytest.raises(UserError) as caught:
        data.opened(Heard())
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


#: The same for what a run says and trains on.
DOUBTFUL: dict[str, tuple[str, dict[str, Any], str, Callable[[Array], Array], str]] = {
    "one class in val": ("semseg", {}, "val", full(3), "val: every valid pixel of the 2 semseg labels is of"),
    "black on white": ("edge", {}, "", lambda label: 1 - label, "of the pixels are edge: are yes and no the"),
    "height of 65535": ("height", {}, "", spotted(65535), "or write invalid: [] if it is a number like the"),
    "flat depth in val": ("depth", {}, "val", full(900, np.uint16), "val: every pixel of the 2 depth labels"),
}  # fmt: skip


@pytest.mark.parametrize("trap", DOUBTFUL)
def test_what_is_doubtful_is_named_and_said(tmp_path: Path, data_check: Any, trap: str) -> None:
    task, fields, split, change, words = DOUBTFUL[trap]
    data = Data(tmp_path, task, **fields).change(change, split)
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 1
    assert words in checked.text.partition("Problems:\n")[2]
    heard = Heard()
    data.opened(heard)
    assert any(line.startswith("Data of mine: ") and words in line for line in heard.said)


#: What looks like a trap and is said to be right.
RIGHT: dict[str, tuple[str, dict[str, Any], Callable[[Array], Array]]] = {
    "edges of 255": ("edge", {"positive": 255}, times(255)),
    "a threshold": ("saliency", {"threshold": 127.5}, times(255)),
    "65535 listed": ("depth", {"invalid": [0, 65535]}, spotted(65535)),
    "a height of 65535": ("height", {"invalid": []}, spotted(65535)),
    "all of 8 bits": ("height", {"scale": 1}, lambda label: (label % 256).astype(np.uint8)),
    "zeros of a height": ("height", {}, spotted(0)),
    "some pixels ignored": ("edge", {}, spotted(255)),
    "a third of the bytes": ("normals", {}, lambda n: np.rint((n + 1) * 127.5).astype(np.uint8)),
    "nothing": ("human_parts", {"classes": 7}, times(1)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_meant_so_is_no_problem(tmp_path: Path, data_check: Any, case: str) -> None:
    task, fields, change = RIGHT[case]
    data = Data(tmp_path, task, **fields).change(change)
    checked = data_check(str(data.yaml), tmp_path)
    assert (checked.code, "No problems found." in checked.text) == (0, True), checked.text
    heard = Heard()
    data.opened(heard)
    assert heard.said == []


def test_two_codings_told_apart_by_the_users_word(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, "edge", positive=[1, 255]).change(times(255), few=1)
    assert data_check(str(data.yaml), tmp_path).code == 0
    data.fields |= {"positive": 1, "ignore": 255}
    assert data_check(str(data.yaml), tmp_path).code == 0
    assert data.opened(Heard()).dataset.val[0].labels["edge"].max() == 255


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_task_that_no_image_of_a_split_has(tmp_path: Path, split: str) -> None:
    data = Data(tmp_path, "edge", partial=True)
    for path in (tmp_path / split / "label").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f"No image of {split} has a edge label"):
        data.opened(Heard())


def test_data_are_looked_at_once_for_each_state(
    tmp_path: Path, data_check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Data(tmp_path, "edge")
    assert data_check(str(data.yaml), tmp_path).code == 0
    with monkeypatch.context() as patched:
        patched.setattr(
            "benchmark.data.checks.before_run.check_dataset", lambda _: pytest.fail("looked at again")
        )
        data.opened(Heard())
    data.change(times(255))
    with pytest.raises(UserError, match="says yes"):
        data.opened(Heard())
    with pytest.raises(UserError, match="says yes"):  # also as noted
        data.opened(Heard())


def test_a_cache_that_cannot_be_used_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path / "file"))
    data = Data(tmp_path, "edge")
    data.opened(Heard())
    with pytest.raises(UserError, match="says yes"):
        data.change(times(255)).opened(Heard())
