"""NYUD-v2 in every layout that lies about: values come back exactly, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nyud_copies import (
    IDS,
    Arrays,
    H,
    W,
    as_bytes,
    error,
    opened,
    raw,
    save,
    write,
    write_b,
    write_d,
    write_parquet,
)
from PIL import Image
from scipy.ndimage import label

from benchmark.data.checks.check import check_dataset
from benchmark.data.feed import Feed
from benchmark.data.published import publication as archives
from benchmark.experiment.catalogue import preset_file
from benchmark.experiment.loading import load_experiment
from benchmark.plugins import DATASETS

SMALL = Path(__file__).parents[4].parent / "shared" / "nyud240"
REAL = Path(__file__).parents[4].parent / "shared" / "realdata" / "NYUD_MT"


def check_labels(sample: Any, arrays: Arrays, normals: np.ndarray[Any, Any]) -> None:
    """Classes count from 0 with 255 for nothing, NaN metres where unmeasured, zero vectors where unknown."""
    semseg = arrays["semseg"].astype(int)
    np.testing.assert_array_equal(sample.labels["semseg"], np.where(semseg == 0, 255, semseg - 1))
    depth = np.where(arrays["depth"] == 0, np.nan, arrays["depth"])
    np.testing.assert_array_equal(sample.labels["depth"], depth.astype(np.float32))
    np.testing.assert_allclose(sample.labels["normals"], normals, atol=1e-6)
    assert not sample.labels["normals"][:2].any()


@pytest.mark.parametrize("layout", ["B", "C"])
def test_lossless_layouts_come_back_exactly(tmp_path: Path, layout: str) -> None:
    dataset = opened(write(tmp_path, layout))
    assert dataset.facts["layout"].startswith(f"{layout}: ")
    assert (dataset.train.ids, dataset.val.ids) == (IDS["train"], IDS["val"])
    assert [(task.name, task.weight) for task in dataset.tasks] == [
        ("semseg", 1), ("depth", 1), ("normals", 10), ("edge", 50)
    ]  # fmt: skip
    for sample, name in zip((*dataset.train, *dataset.val), (*IDS["train"], *IDS["val"]), strict=True):
        arrays = raw(int(name))
        normals = arrays["normals"]
        if layout == "C":
            np.testing.assert_array_equal(sample.image, arrays["image"])
            stored = 2 * as_bytes(normals).astype(np.float64) / 255 - 1
            normals = stored / np.linalg.norm(stored, axis=2, keepdims=True)
            normals[:2] = 0  # bytes of 127 or 128: no length to speak of
        check_labels(sample, arrays, normals)
        np.testing.assert_array_equal(sample.labels["edge"], arrays["edge"])
    assert check_dataset(dataset).ok


def test_layout_a_is_read_from_matlab_files_and_jpeg_normals(tmp_path: Path) -> None:
    dataset = opened(write(tmp_path, "A"))
    assert dataset.facts["layout"].startswith("A: ")
    sample, arrays = dataset.train[0], raw(3)
    with Image.open(tmp_path / "normals" / "0003.jpg") as picture:
        stored = 2 * np.asarray(picture).astype(np.float64) / 255 - 1
    length = np.linalg.norm(stored, axis=2, keepdims=True)
    normals = np.where(np.abs(length - 1) < 0.5, stored / length, 0)
    np.testing.assert_allclose(sample.labels["normals"], normals, atol=1e-5)
    semseg = arrays["semseg"].astype(int)
    np.testing.assert_array_equal(sample.labels["semseg"], np.where(semseg == 0, 255, semseg - 1))
    np.testing.assert_array_equal(np.isnan(sample.labels["depth"]), arrays["depth"] == 0)
    np.testing.assert_array_equal(sample.labels["edge"], arrays["edge"])


def boundaries_by_hand(label: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    edge = np.zeros(label.shape, np.uint8)
    for y, x in np.ndindex(label.shape):
        for other in [(y, x + 1), (y + 1, x)]:
            if other[0] < H and other[1] < W and 255 not in (label[y, x], label[other]):
                edge[y, x] |= label[y, x] != label[other]
        if label[y, x] == 255:
            edge[y, x] = 255
    return edge


@pytest.mark.parametrize("writer", [write_d, write_parquet])
def test_layout_d_has_13_classes_and_edges_from_their_boundaries(
    tmp_path: Path, writer: Callable[[Path], Path]
) -> None:
    dataset = opened(writer(tmp_path / "nyuv2").parent)
    assert dataset.facts["layout"].startswith("D")
    assert (dataset.train.ids, dataset.val.ids) == (("train/0000", "train/0001"), ("val/0000",))
    assert len(dataset.tasks[0].classes) == 13
    for seed, sample in enumerate((*dataset.train, *dataset.val)):
        arrays = raw(seed, classes=14)
        np.testing.assert_array_equal(sample.image, arrays["image"])
        check_labels(sample, arrays, arrays["normals"])
        np.testing.assert_array_equal(sample.labels["edge"], boundaries_by_hand(sample.labels["semseg"]))
    assert check_dataset(dataset).fatal == ()  # classes at random meet at nearly every pixel


def test_parent_or_folder_and_two_candidates(tmp_path: Path) -> None:
    write(tmp_path / "NYUD_MT", "B")
    assert opened(tmp_path).digest == opened(tmp_path / "NYUD_MT").digest
    write(tmp_path / "NYUDv2", "C")
    assert "NYUD_MT" in error(tmp_path)
    assert "name one of them" in error(tmp_path)
    assert opened(tmp_path / "NYUDv2").facts["layout"].startswith("C")


@pytest.mark.parametrize("root", [None, "missing", "."])
def test_without_data_one_message_says_what_to_get(tmp_path: Path, root: str | None) -> None:
    message = error(tmp_path / root if root else None)  # type: ignore[arg-type]
    for hint in ("NYUD_MT.tgz", "14EAEMXmd3zs2hIMY63UhHPSFPDAkiTzw", "gt_sets", "mtal data check nyud"):
        assert hint in message
    assert "\n" not in message


def test_facts_and_sizes(tmp_path: Path) -> None:
    dataset = opened(write(tmp_path, "B"), height=24, width=8)
    sample = dataset.train[0]
    assert sample.image.shape == (24, 8, 3)
    rows, columns = np.repeat(np.arange(H), 2), np.arange(1, W, 2)
    np.testing.assert_array_equal(sample.labels["semseg"], raw(3)["semseg"][rows][:, columns] - np.uint8(1))
    # An edge is kept by whichever of two pixels has it.
    np.testing.assert_array_equal(sample.labels["edge"], raw(3)["edge"].reshape(H, -1, 2).max(2)[rows])
    assert dataset.facts["size"] == [24, 8]
    assert dataset.facts["published"] == {"train": 795, "val": 654}
    assert dataset.facts["images"] == {"train": 2, "val": 1}
    assert "smaller" in dataset.facts["complete"]
    assert "height" in error(tmp_path, height=24)
    assert opened(tmp_path, pool=1).train.ids == ("0003",)


def test_a_size_is_the_same_however_it_is_spelled(tmp_path: Path) -> None:
    one, other = opened(write(tmp_path, "B"), height=24, width=8), opened(tmp_path, size=[24, 8])
    assert one.digest == other.digest
    np.testing.assert_array_equal(one.train[1].image, other.train[1].image)
    assert "give one of the two" in error(tmp_path, height=24, width=8, size=[24, 8])
    assert opened(tmp_path, height=24, width=16).digest != one.digest


def test_every_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(write(tmp_path, "A"))  # the coding of edges is told once for each state of the data
    read: list[Path] = []
    plain = archives.read_bytes
    monkeypatch.setattr(archives, "read_bytes", lambda path: read.append(path) or plain(path))
    dataset = opened(tmp_path)
    for split in (dataset.train, dataset.val):
        feed = Feed(split, dataset.tasks, torch.device("cpu"))
        assert feed.batch(np.arange(len(split.ids))).images.shape == (len(split.ids), 3, H, W)
    assert sorted(read) == sorted(path for path in tmp_path.rglob("*") if path.suffix not in (".txt", ""))


def test_classes_shrink_by_area_where_asked(tmp_path: Path) -> None:
    classes = np.full((H, W), 5, np.uint8)
    classes[0, 1] = 30  # the middle of a new pixel, and a third of its area
    save(write(tmp_path, "B") / "segmentation" / "0003.png", classes)
    nearest = opened(tmp_path, height=8, width=8)
    majority = opened(tmp_path, height=8, width=8, shrink_classes="majority")
    assert set(np.unique(nearest.train[0].labels["semseg"])) == {4, 29}
    assert set(np.unique(majority.train[0].labels["semseg"])) == {4}
    assert majority.digest != nearest.digest


def test_labels_of_the_size_asked_for_are_taken_as_they_are(tmp_path: Path) -> None:
    edge = np.random.default_rng(0).integers(0, 2, (8, 9), dtype=np.uint8)
    save(write(tmp_path, "B") / "edge" / "0003.npy", edge)
    np.testing.assert_array_equal(opened(tmp_path, height=8, width=9).train[0].labels["edge"], edge)
    assert "its image is" in error(tmp_path, height=9, width=9)


@pytest.mark.skipif(not SMALL.is_dir(), reason="the small NYUD-v2 is not here: ../shared/nyud240")
def test_edges_of_real_frames_hold_together() -> None:
    def length(**options: Any) -> float:
        edges = [sample.labels["edge"] == 1 for sample in opened(SMALL, pool=12, val=1, **options).train]
        return sum(map(np.count_nonzero, edges)) / sum(label(edge, np.ones((3, 3)))[1] for edge in edges)

    assert length(height=80, width=112) > length() * 112 / 240 / 2


def test_z_axis_is_measured(tmp_path: Path) -> None:
    for split, ids in IDS.items():
        for name in ids:
            arrays = raw(int(name))
            arrays["normals"][..., 2] = -np.abs(arrays["normals"][..., 2])
            write_b(tmp_path, name, arrays)
        (tmp_path / "gt_sets").mkdir(exist_ok=True)
        (tmp_path / "gt_sets" / f"{split}.txt").write_text("\n".join(ids))
    assert "into the scene" in opened(tmp_path).facts["normals axes"]


def test_digest_follows_contents_splits_and_options_but_not_the_place(tmp_path: Path) -> None:
    here, there = write(tmp_path / "a", "B"), write(tmp_path / "b", "B")
    first = opened(here).digest
    assert opened(there).digest == first
    assert opened(here, height=24, width=32).digest != first
    (there / "gt_sets" / "train.txt").write_text("0003\n")
    assert opened(there).digest != first
    save(here / "depth" / "0010.npy", raw(99)["depth"])
    assert opened(here).digest != first


def test_options_and_presets() -> None:
    assert "nyud" in DATASETS.entries
    assert "hight" in error(Path(), hight=3)
    for preset in ("quick", "standard", "paper"):
        assert preset_file("nyud", preset).is_file()
        assert load_experiment(None, preset, {"dataset": "nyud"}).data["width"] > 0


@pytest.mark.skipif(not REAL.is_dir(), reason="the real frames are not here: ../shared/realdata/NYUD_MT")
def test_real_frames() -> None:
    dataset = opened(REAL.parent)
    assert dataset.facts["layout"].startswith("B")
    assert (len(dataset.train.ids), len(dataset.val.ids)) == (3, 1)
    report = check_dataset(dataset)
    assert report.ok
    assert report.splits["train"].sizes == {"480 x 640 x 3 uint8": 3}
    assert 0.5 < report.splits["train"].tasks["depth"].values["mean"] < 6
    assert "into the scene" in dataset.facts["normals axes"]
