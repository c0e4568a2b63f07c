"""Folders with something wrong: every file is named, and nothing hostile is opened."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_folders import HEIGHT, SEMSEG, WIDTH, Folder, grey, picture, write_png
from PIL import Image

from benchmark.errors import UserError


def test_missing_and_extra_labels(folder: Folder) -> None:
    labels = folder.root / "train" / "semseg"
    (labels / "a.png").rename(labels / "z.png")
    error = folder.error()
    assert f"Image {str(folder.root / 'train' / 'image' / 'a.png')!r} has no semseg label" in error
    assert repr(str(labels / "a.png")) in error
    assert f"Label {str(labels / 'z.png')!r} has no image 'z'" in error


def test_only_ten_of_a_rule_are_shown(folder: Folder) -> None:
    for number in range(25):
        write_png(folder.root / "train" / "semseg" / f"z{number}.png", grey())
    error = folder.error()
    assert error.count("has no image") == 10
    assert "(25 found)" in error
    assert "and 15 more" in error


@pytest.mark.parametrize("where", ["image", "semseg"])
def test_duplicate_stems(folder: Folder, where: str) -> None:
    first = folder.root / "train" / where / "a.png"
    second = first.with_suffix(".jpg" if where == "image" else ".npy")
    second.write_bytes(b"")
    error = folder.error()
    assert "have the same stem" in error
    assert repr(str(first)) in error
    assert repr(str(second)) in error


@pytest.mark.parametrize("gone", ["train/image", "val/semseg"])
def test_a_folder_that_is_not_there(folder: Folder, gone: str) -> None:
    (folder.root / gone).rename(folder.root / "gone")
    assert f"Folder {str(folder.root / gone)!r} cannot be listed" in folder.error()


def test_a_folder_name_that_cannot_be(folder: Folder) -> None:
    folder.fields["tasks"]["semseg"] = {**SEMSEG, "folder": "semseg\0"}
    assert "cannot be listed" in folder.error()


def test_unprintable_names(folder: Folder) -> None:
    write_png(folder.root / "train" / "image" / "a\nb.png", picture())
    error = folder.error()
    assert "unprintable characters" in error
    assert "a\\nb.png" in error


def test_unreadable_files_are_all_named(folder: Folder) -> None:
    image = folder.root / "train" / "image" / "a.png"
    image.write_bytes(image.read_bytes()[:200])
    label = folder.root / "train" / "semseg" / "b.png"
    label.write_bytes(label.read_bytes()[:40])
    text = folder.root / "val" / "image" / "c.png"
    text.write_text("not a picture")
    error = folder.error()
    for path in (image, label, text):
        assert repr(str(path)) in error
    assert "is damaged" in error
    assert "(3 found)" in error


def test_wrong_sizes(folder: Folder) -> None:
    label = write_png(folder.root / "train" / "semseg" / "a.png", np.zeros((WIDTH, HEIGHT), np.uint8))
    assert f"{str(label)!r} is 16 high, 12 wide, and its image is 12 high, 16 wide" in folder.error()


def test_images_of_different_sizes_need_size(folder: Folder) -> None:
    image = write_png(folder.root / "train" / "image" / "a.png", picture(0, 10, 10))
    write_png(folder.root / "train" / "semseg" / "a.png", np.zeros((10, 10), np.uint8))
    assert f"{str(image)!r} is 10 high, 10 wide, and most images are 12 high" in folder.error()
    folder.fields["size"] = [8, 8]
    dataset = folder.open()
    assert {dataset.train[position].image.shape for position in (0, 1)} == {(8, 8, 3)}
    assert dataset.train[0].labels["semseg"].shape == (8, 8)


def test_a_class_out_of_range(folder: Folder) -> None:
    path = write_png(folder.root / "val" / "semseg" / "c.png", grey(7))
    assert f"{str(path)!r} holds 7, and semseg has classes 0..2 and ignores [255]" in folder.error()


class Bomb:
    """Pickles to a call that leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("wrapped", [True, False])
def test_nothing_is_unpickled(folder: Folder, wrapped: bool) -> None:
    trace = folder.root / "trace"
    path = folder.root / "train" / "semseg" / "a.npy"
    path.with_suffix(".png").unlink()
    if wrapped:
        np.save(path, np.array([Bomb(trace)], object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Bomb(trace)))
    assert repr(str(path)) in folder.error()
    assert not trace.exists()


@pytest.mark.parametrize("megapixels", [85, 400])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bombs_are_refused(folder: Folder, megapixels: int) -> None:
    path = folder.root / "train" / "image" / "a.png"
    Image.new("1", (megapixels * 1000, 1000)).save(path, compress_level=1)
    assert f"{str(path)!r} has more than 80 megapixels" in folder.error()


def test_other_formats_under_an_images_name_are_refused(folder: Folder) -> None:
    path = folder.root / "train" / "image" / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 12\nshowpage\n")
    assert f"{str(path)!r} is no JPEG or PNG" in folder.error()


def test_a_file_that_goes_bad_later_is_named(folder: Folder) -> None:
    dataset = folder.open()
    path = folder.root / "train" / "semseg" / "a.png"
    path.unlink()
    dataset.train.forget()  # what was decoded when it was checked
    with pytest.raises(UserError, match="cannot be read") as caught:
        dataset.train[0]
    assert repr(str(path)) in str(caught.value)
