"""A user's own folders: what is read, and that every mistake is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from image_folders import HEIGHT, SEMSEG, WIDTH, Folder, grey, picture, write_png
from PIL import Image

from benchmark.data.folder.dataset import open_folder

PROJECT = Path(__file__).parents[4]
CAMVID = PROJECT.parent / "shared" / "realdata" / "camvid"


def test_opens_what_lies_there(folder: Folder) -> None:
    dataset = folder.open()
    assert dataset.name == "mine"
    assert (dataset.train.ids, dataset.val.ids) == (("a", "b"), ("c",))
    assert dataset.tasks[0].classes == ("wall", "floor", "door")
    sample = dataset.train[1]
    np.testing.assert_array_equal(sample.image, picture(1))
    np.testing.assert_array_equal(sample.labels["semseg"], grey(1))
    assert sample.image.flags.writeable
    assert dataset.facts["size"] == [HEIGHT, WIDTH]
    assert dataset.facts["images"] == {"train": 2, "val": 1}


def test_groups_are_read_off_the_ids_and_are_in_the_digest(folder: Folder) -> None:
    plain = folder.open()
    folder.fields["groups"] = "{group}*"
    grouped = folder.open()
    assert (plain.groups, grouped.groups) == (None, {"a": "a", "b": "b"})
    assert plain.digest != grouped.digest
    folder.fields["groups"] = "a{group}"
    assert "groups: id 'a' is not of the pattern 'a{group}'" in folder.error()
    folder.fields["groups"] = "no group"
    assert "groups: 'no group' should be a pattern" in folder.error()


def test_data_root_overrides_root(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder.fields["root"] = "nowhere"
    assert "nowhere" in folder.error()
    elsewhere = tmp_path_factory.mktemp("yaml") / "dataset.yaml"
    elsewhere.write_text(folder.yaml.read_text())
    assert open_folder(elsewhere, folder.root).train.ids == ("a", "b")


def test_weights_reach_the_task(tmp_path: Path) -> None:
    edge = {"folder": "{split}/edge", "positive": 255, "weight": 7.0, "positive_weight": 0.75}
    folder = Folder(tmp_path, {"edge": edge})
    (task,) = folder.label("edge", lambda p: write_png(p.with_suffix(".png"), grey(255))).open().tasks
    assert (task.weight, task.options.positive_weight) == (7.0, 0.75)


def test_size_resizes_image_smoothly_and_labels_by_the_nearest(tmp_path: Path) -> None:
    folder = Folder(tmp_path, size=[24, 8]).semseg()
    halves = grey()
    halves[:, WIDTH // 2 :] = 2
    write_png(tmp_path / "train" / "semseg" / "a.png", halves)
    sample = folder.open().train[0]
    assert sample.image.shape == (24, 8, 3)
    np.testing.assert_array_equal(sample.labels["semseg"], np.tile([0] * 4 + [2] * 4, (24, 1)))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_images_of_other_modes_become_rgb(folder: Folder, mode: str) -> None:
    path = folder.root / "train" / "image" / "a.png"
    path.unlink()
    suffix = ".tif" if mode == "CMYK" else ".PNG"
    Image.fromarray(picture()).convert(mode).save(path.with_suffix(suffix))
    image = folder.open().train[0].image
    assert (image.dtype, image.shape) == (np.uint8, (HEIGHT, WIDTH, 3))


def test_partial_labels(folder: Folder) -> None:
    (folder.root / "train" / "semseg" / "a.png").unlink()
    assert "a.png" in folder.error()
    folder.fields["tasks"]["semseg"] = {**SEMSEG, "partial": True}
    dataset = folder.open()
    assert dataset.train[0].labels == {}
    assert list(dataset.train[1].labels) == ["semseg"]
    assert dataset.facts["labelled"] == {"semseg": {"train": 1, "val": 1}}


def test_a_partial_task_needs_a_label_in_each_split(folder: Folder) -> None:
    folder.fields["tasks"]["semseg"] = {**SEMSEG, "partial": True}
    (folder.root / "val" / "semseg" / "c.png").unlink()
    assert "No image of val has a semseg label" in folder.error()


@pytest.mark.parametrize(
    "stem", ["two words", "größe", "画像", "a.b.c", "-rf", "100%", "q'uo\"te", "{split}"]
)
def test_odd_names_work(folder: Folder, stem: str) -> None:
    for task in ("image", "semseg"):
        path = folder.root / "train" / task / "a.png"
        path.rename(path.with_name(f"{stem}.png"))
    assert stem in folder.open().train.ids


def test_spellings_of_accents_match(folder: Folder) -> None:
    for task, form in (("image", "NFC"), ("semseg", "NFD")):
        path = folder.root / "train" / task / "a.png"
        path.rename(path.with_name(unicodedata.normalize(form, "é.png")))
    assert "é" in folder.open().train.ids


def test_hidden_and_other_files_are_left_alone(folder: Folder) -> None:
    for name in (".DS_Store", "._a.png", "Thumbs.db", "readme.txt"):
        (folder.root / "train" / "image" / name).write_bytes(b"x")
    (folder.root / "train" / "image" / "folder.png").mkdir()
    assert folder.open().train.ids == ("a", "b")


def listed(tmp_path: Path, train: str, val: str) -> Folder:
    """All images and labels in one folder, lists of ids beside them."""
    task = {**SEMSEG, "folder": "semseg"}
    folder = Folder(tmp_path, {"semseg": task}, image={"folder": "image"}, splits={"list": "{split}.txt"})
    for seed, stem in enumerate("abcd"):
        write_png(tmp_path / "image" / f"{stem}.png", picture(seed))
        write_png(tmp_path / "semseg" / f"{stem}.png", grey(seed % 3))
    (tmp_path / "train.txt").write_text(train, encoding="utf-8")
    (tmp_path / "val.txt").write_text(val, encoding="utf-8")
    return folder


def test_lists_choose_and_ids_are_sorted(tmp_path: Path) -> None:
    dataset = listed(tmp_path, "\ufeffc\n\na \r\n", "d").open()
    assert (dataset.train.ids, dataset.val.ids) == (("a", "c"), ("d",))
    assert dataset.train[1].labels["semseg"][0, 0] == 2


def test_list_errors_are_all_named(tmp_path: Path) -> None:
    error = listed(tmp_path, "a\nb\nb\nx", "b").error()
    assert f"Id 'x' of {str(tmp_path / 'train.txt')!r} has no image" in error
    assert f"Id 'b' is 2 times in {str(tmp_path / 'train.txt')!r}" in error
    assert f"Id 'b' ({str(tmp_path / 'image' / 'b.png')!r}) is in train and in val" in error


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    folder = listed(tmp_path, "a", "b")
    (tmp_path / "val.txt").unlink()
    assert "val.txt" in folder.error()


def test_equal_stems_in_both_folders_get_a_prefix(folder: Folder) -> None:
    write_png(folder.root / "val" / "image" / "a.png", picture(9))
    write_png(folder.root / "val" / "semseg" / "a.png", grey(2))
    dataset = folder.open()
    assert (dataset.train.ids, dataset.val.ids) == (("train/a", "train/b"), ("val/a", "val/c"))
    assert dataset.train[0].labels["semseg"][0, 0] == 1
    assert dataset.val[0].labels["semseg"][0, 0] == 2


def test_equal_stems_need_labels_of_their_own(folder: Folder) -> None:
    write_png(folder.root / "val" / "image" / "a.png", picture(9))
    folder.fields["tasks"]["semseg"] = {**SEMSEG, "folder": "train/semseg"}
    assert "tasks.semseg.folder: should contain {split}" in folder.error()


def test_other_names_for_the_splits(folder: Folder) -> None:
    (folder.root / "val").rename(folder.root / "test")
    folder.fields["splits"] = {"val": "test"}
    assert folder.open().val.ids == ("c",)


def test_an_empty_split(folder: Folder) -> None:
    (folder.root / "val" / "image" / "c.png").unlink()
    error = folder.error()
    assert f"Split val is empty: there is no image or id in {str(folder.root / 'val' / 'image')!r}" in error
    assert f"Label {str(folder.root / 'val' / 'semseg' / 'c.png')!r} has no image 'c'" in error


def test_digest_follows_the_data_and_not_the_place(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    digest = folder.open().digest
    assert folder.open().digest == digest
    copy = Folder(tmp_path_factory.mktemp("copy")).semseg()
    assert copy.open().digest == digest
    values = picture(0)
    values[5, 5, 1] ^= 1
    write_png(copy.root / "train" / "image" / "a.png", values)
    assert copy.open().digest != digest


def test_digest_changes_with_labels_splits_and_fields(folder: Folder) -> None:
    digests = [folder.open().digest]
    label = grey(1)
    label[0, 0] = 2
    write_png(folder.root / "train" / "semseg" / "b.png", label)
    digests.append(folder.open().digest)
    folder.fields["tasks"]["semseg"] = {**SEMSEG, "ignore": [3, 255]}
    digests.append(folder.open().digest)
    for task in ("image", "semseg"):
        (folder.root / "train" / task / "b.png").rename(folder.root / "val" / task / "b.png")
    digests.append(folder.open().digest)
    assert len(set(digests)) == 4


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid frames are not here")
def test_camvid_example() -> None:
    dataset = open_folder(PROJECT / "docs" / "examples" / "camvid.yaml", CAMVID)
    assert (len(dataset.train.ids), len(dataset.val.ids)) == (367, 101)
    stem = dataset.val.ids[7]
    sample = dataset.val[7]
    semseg = np.asarray(Image.open(CAMVID / "val" / "semseg" / f"{stem}.png"))
    np.testing.assert_array_equal(sample.labels["semseg"], semseg)
    edge = np.asarray(Image.open(CAMVID / "val" / "edge" / f"{stem}.png"))
    np.testing.assert_array_equal(sample.labels["edge"], edge // 255)
    movers = np.isin(
        semseg, [dataset.tasks[0].classes.index(name) for name in ("car", "pedestrian", "bicyclist")]
    )
    np.testing.assert_array_equal(sample.labels["saliency"] == 1, movers)


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the real frames are not here: ../shared/realdata/camvid")
def test_the_masks_of_the_frames_are_made_as_the_example_says(tmp_path: Path) -> None:
    """From some of their classes, by the script beside the description."""
    files = sorted(CAMVID.glob("*/semseg/*.png"))[::60]
    for file in files:
        copy = tmp_path / file.relative_to(CAMVID)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    script = PROJECT / "docs" / "examples" / "camvid_masks.py"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    for file in files:
        for task in ("edge", "saliency"):
            place = file.parents[1].relative_to(CAMVID) / task / file.name
            np.testing.assert_array_equal(Image.open(tmp_path / place), Image.open(CAMVID / place))
