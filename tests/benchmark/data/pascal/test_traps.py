"""Copies of PASCAL-Context whose labels say nothing or are coded otherwise: named, and not trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset
from benchmark.experiment.config import validated
from benchmark.protocol.bench import open_bench

H, W = 24, 32
IDS = {"train": ("2008_000002", "2008_000010", "2008_000011"), "val": ("2009_000001", "2009_000002")}
Array = np.ndarray[Any, Any]


def save(path: Path, values: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def matlab(path: Path, variables: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)


def parts_of(people: bool) -> dict[str, Any]:
    """What a file of PASCAL-Part holds: a person with a head, or nothing."""
    head = np.zeros((H, W), np.uint8)
    head[3:9, 3:9] = 1
    parts = np.zeros((1, 1), [("part_name", object), ("mask", object)])
    parts[0, 0] = ("head", head)
    records = np.zeros((1, int(people)), [(k, object) for k in ("class", "class_ind", "mask", "parts")])
    if people:
        records[0, 0] = ("person", 15.0, np.ones((H, W), np.uint8), parts)
    anno = np.zeros((1, 1), [("imname", object), ("objects", object)])
    anno[0, 0] = ("x", records)
    return {"anno": anno}


def label_map() -> Array:
    found = np.full((H, W), 187, np.uint16)
    found[5:15, 5:20] = 284
    return found


Labels = dict[str, Any]


def sound(seed: int) -> Labels:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(H, W, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return {
        "label_map": label_map(),
        "semseg": rng.integers(0, 21, (H, W), dtype=np.uint8),
        "normals": np.rint((vectors + 1) * 127.5).astype(np.uint8),
        "saliency": (rng.random((H, W)) < 0.3).astype(np.uint8) * np.uint8(255),
        "people": True,
    }


def write(root: Path, change: Callable[[Labels, str], Labels]) -> Path:
    for split, names in IDS.items():
        (root / "ImageSets" / "Context").mkdir(parents=True, exist_ok=True)
        (root / "ImageSets" / "Context" / f"{split}.txt").write_text("\n".join(names) + "\n")
        for name in names:
            seed = int(name[-6:]) + 100 * (split == "val")
            labels = {**sound(seed), **change(sound(seed), split)}
            image = np.random.default_rng(seed).integers(0, 256, (H, W, 3), dtype=np.uint8)
            save(root / "JPEGImages" / f"{name}.jpg", image)
            save(root / "semseg" / "VOC12" / f"{name}.png", labels["semseg"])
            save(root / "normals_distill" / f"{name}.png", labels["normals"])
            save(root / "sal_distill" / f"{name}.png", labels["saliency"])
            matlab(root / "pascal-context" / "trainval" / f"{name}.mat", {"LabelMap": labels["label_map"]})
            matlab(root / "human_parts" / f"{name}.mat", parts_of(labels["people"]))
    return root


def heard_in_a_run(root: Path) -> list[str]:
    fields = {"dataset": "pascal", "data": {"size": [H, W]}, "data_root": str(root), "budgets": [1, 2]}
    fields |= {"strategies": ["random"], "seeds": [0], "recipe": {"iterations": 1, "batch_size": 1}}
    said: list[str] = []
    open_bench(validated(fields, "test"), root / "out", type("Heard", (), {"say": said.append}))
    return said[1:]  # the first says where the data lie


def saliency(root: Path) -> list[Array]:
    dataset = open_dataset("pascal", {"size": [H, W]}, root)
    return [split[n].labels["saliency"] for split in (dataset.train, dataset.val) for n in range(2)]


@pytest.mark.parametrize("yes", [1, 255, 200])
def test_saliency_is_the_same_in_every_coding(tmp_path: Path, data_check: Any, yes: int) -> None:
    plain = saliency(write(tmp_path / "plain", lambda labels, split: {}))
    coded = write(
        tmp_path / "coded",
        lambda labels, split: {"saliency": (labels["saliency"] > 0).astype(np.uint8) * np.uint8(yes)},
    )
    for one, other in zip(saliency(coded), plain, strict=True):
        np.testing.assert_array_equal(one, other)
    checked = data_check("pascal", coded, f"size=[{H}, {W}]")
    assert checked.code == 0
    words = "0 and 1, 255 ignored" if yes == 1 else "0 to 255, over one half is a yes"
    assert f"codings: saliency {words}" in checked.text
    assert heard_in_a_run(coded) == []


def nothing(shape: tuple[int, ...], value: int = 0) -> Array:
    return np.full(shape, value, np.uint8)


FATAL: dict[str, tuple[Callable[[Labels, str], Labels], str]] = {
    "no object": (
        lambda labels, split: {"saliency": nothing((H, W))}, "no pixel of the 3 saliency labels says yes"
    ),
    "nothing but objects in val": (
        lambda labels, split: {"saliency": nothing((H, W), 255)} if split == "val" else {},
        "val: no pixel of the 2 saliency labels says no",
    ),
    "two codings": (
        lambda labels, split: {"saliency": labels["saliency"] // 255} if split == "val" else {},
        "saliency files are of two codings: 2 hold 0 to 1 ('sal_distill/2009_",
    ),
    "no context": (
        lambda labels, split: {"label_map": label_map() * 0},
        "every pixel of the 3 normals labels is without a direction",
    ),
    "one context": (
        lambda labels, split: {"label_map": label_map() * 0 + 9}, "no pixel of the 3 edge labels says yes"
    ),
    "grey normals": (
        lambda labels, split: {"normals": nothing((H, W, 3), 128)} if split == "val" else {},
        "val: every pixel of the 2 normals labels is without a direction",
    ),
    "nothing known": (
        lambda labels, split: {"semseg": nothing((H, W), 255)}, "pixel of the 3 semseg labels is ignored"
    ),
    "background alone": (
        lambda labels, split: {"semseg": nothing((H, W))}, "the 3 semseg labels is of one class, 'background'"
    ),
    "nobody in train": (
        lambda labels, split: {"people": split == "val"},
        "train: no image has a human_parts label, so that human_parts cannot be learnt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("trap", FATAL)
def test_labels_that_say_nothing(tmp_path: Path, data_check: Any, trap: str) -> None:
    change, words = FATAL[trap]
    root = write(tmp_path / "PASCAL_MT", change)
    checked = data_check("pascal", root, f"size=[{H}, {W}]")
    assert checked.code == 1
    assert words in checked.text.partition("Problems:\n")[2]
    with pytest.raises(UserError) as caught:
        heard_in_a_run(root)
    assert words in str(caught.value)


def test_nobody_to_measure_parts_on_is_said(tmp_path: Path, data_check: Any) -> None:
    root = write(tmp_path / "PASCAL_MT", lambda labels, split: {"people": split == "train"})
    words = "val: no image has a human_parts label: human_parts is not measured"
    assert data_check("pascal", root, f"size=[{H}, {W}]").code == 1
    assert any(words in line for line in heard_in_a_run(root))
