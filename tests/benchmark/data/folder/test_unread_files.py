"""Files that look like images and labels and are not read: named, counted, and never taken for absent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.data.folder.dataset import open_folder
from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.protocol.bench import open_bench

H, W = 16, 24
STEMS = {"train": "abcd", "val": "ef"}


def encoded(seed: int, kind: str, channels: tuple[int, ...] = ()) -> bytes:
    rng, stream = np.random.default_rng(seed), io.BytesIO()
    values = rng.integers(0, 256 if channels else 3, (H, W, *channels), dtype=np.uint8)
    Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


class Data:
    """Images and labels as PNG files, to which a test adds what is not read."""

    def __init__(self, root: Path, partial: bool) -> None:
        self.root = root
        task = {"folder": "{split}/semseg", "classes": 3, "partial": partial}
        self.fields: dict[str, Any] = {"name": "mine", "tasks": {"semseg": task}}
        self.fields["image"] = {"folder": "{split}/image"}
        for split, stems in STEMS.items():
            for seed, stem in enumerate(stems):
                self.put(f"{split}/image/{stem}.png", encoded(seed + 10 * len(stems), "PNG", (3,)))
                self.put(f"{split}/semseg/{stem}.png", encoded(seed, "PNG"))

    def put(self, name: str, content: bytes = b"something") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def instead(self, name: str, other: str, content: bytes = b"something") -> Path:
        (self.root / name).unlink()
        return self.put(other, content)

    @property
    def yaml(self) -> Path:
        path = self.root / "data.yaml"
        path.write_text(yaml.safe_dump(self.fields))
        return path

    def said_in_a_run(self) -> str:
        fields = {"dataset": str(self.yaml), "budgets": [1, 2], "strategies": ["random"], "seeds": [0]}
        said: list[str] = []
        open_bench(validated(fields, "test"), self.root / "out", type("Heard", (), {"say": said.append}))
        return "\n".join(said)


@pytest.mark.parametrize("ending", [".bmp", ".npz", ".mat", ".gif", ".tif", ".txt", "", ".jpg"])
def test_a_label_that_is_not_read_is_not_absent(tmp_path: Path, data_check: Any, ending: str) -> None:
    data = Data(tmp_path, partial=True)
    path = data.instead("train/semseg/b.png", f"train/semseg/b{ending}")
    words = f"Image 'b' would have no semseg label: {str(path)!r} is not read (png, npy are)."
    checked = data_check(str(data.yaml), tmp_path)
    assert (checked.code, words in checked.text.partition("Problems:\n")[2]) == (1, True)
    with pytest.raises(UserError) as caught:
        data.said_in_a_run()
    assert words in str(caught.value)


def test_a_missing_label_says_what_is_there(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=False)
    path = data.instead("val/semseg/e.png", "val/semseg/e.mat")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 2
    assert f"(or .npy); {str(path)!r} is there, and is not read (png, npy are)." in checked.text
    data.fields["tasks"]["semseg"]["partial"] = True
    data.instead("val/semseg/f.png", "val/semseg/f.mat")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 2
    assert (
        f"No image of val has a semseg label in {str(path.parent)!r}; {str(path)!r} is there" in checked.text
    )


@pytest.mark.parametrize("ending", [".gif", ".heic", ".npy", ".JP2", ".pgm"])
def test_images_that_are_not_read_are_named(tmp_path: Path, data_check: Any, ending: str) -> None:
    data = Data(tmp_path, partial=True)
    (tmp_path / "train/semseg/c.png").unlink()
    path = data.instead("train/image/c.png", f"train/image/c{ending}")
    words = f"Image {str(path)!r} is not read (jpg, jpeg, png, bmp, webp, tif, tiff, ppm are)."
    checked = data_check(str(data.yaml), tmp_path)
    assert (checked.code, words in checked.text.partition("Problems:\n")[2]) == (1, True)
    assert f"Data of mine: {words}" in data.said_in_a_run()


def test_half_a_pool_of_gifs_is_counted(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    for number in range(25):
        data.put(f"train/image/z{number}.gif")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 1
    assert checked.text.count(".gif' is not read") == 10
    assert "... and 15 more like these." in checked.text


def test_links_to_nothing_and_folders_are_no_files(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    (tmp_path / "train/image/x.png").symlink_to("nowhere.png")
    (tmp_path / "train/semseg/d.png").unlink()
    (tmp_path / "train/semseg/d.png").mkdir()
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 1
    assert "train/image/x.png' is no file." in checked.text
    assert "train/semseg/d.png' is no file." in checked.text


def test_folders_within_folders_are_named(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    data.put("train/image/city/k.png", encoded(3, "PNG", (3,)))
    data.put("train/image/notes/readme.txt")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 1
    assert f"Folder {str(tmp_path / 'train/image/city')!r} is not looked into" in checked.text
    assert "notes" not in checked.text


def test_the_places_of_a_data_set_are_no_folders_within_folders(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    data.fields["image"] = {"folder": "{split}"}
    for split, stems in STEMS.items():
        for stem in stems:
            (tmp_path / split / "image" / f"{stem}.png").rename(tmp_path / split / f"{stem}.png")
    assert data_check(str(data.yaml), tmp_path).code == 0


def test_files_beside_those_that_are_read_are_facts(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    for name in ("train/image/a.json", "train/image/b.json", "train/image/b.txt", "val/semseg/e.xml"):
        data.put(name)
    for name in ("Thumbs.db", ".DS_Store", "._a.png", "readme.md"):
        data.put(f"train/image/{name}")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 0
    facts = open_folder(data.yaml).facts["not read"]
    assert facts == {
        "train/image": "2 .json, 1 .txt (such as a.json)",
        "val/semseg": "1 .xml (such as e.xml)",
    }
    assert "2 .json" in checked.text


def test_a_list_says_which_images_there_are(tmp_path: Path, data_check: Any) -> None:
    data = Data(tmp_path, partial=True)
    data.fields["splits"] = {"list": "{split}.txt"}
    data.put("train.txt", b"a\nb\n")
    data.put("val.txt", b"e\n")
    data.put("train/image/other.gif")
    assert data_check(str(data.yaml), tmp_path).code == 0
    data.put("train.txt", b"a\nb\nother\n")
    checked = data_check(str(data.yaml), tmp_path)
    assert checked.code == 2
    assert "other.gif' is there, and is not read (jpg, " in checked.text
