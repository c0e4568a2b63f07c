"""Hostile folders of a data set: lists of ids, places that cannot be, files that go bad."""

import os

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.data.files.bad_file import BadFile, read_bytes
from benchmark.data.folder.dataset import open_folder
from benchmark.data.published.publication import Publication, read_lists

FEW = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=max(1, settings.default.max_examples // 5),
)
HEIGHT, WIDTH = 12, 16
GREY = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 3).astype(np.uint8)
COLOURS = np.dstack([GREY * 90] * 3)


@pytest.fixture
def folder(tmp_path):
    """A data set with one image a split and lists of ids, in a folder where nothing else may appear."""
    root = tmp_path / "data ä"
    for split, stem in (("train", "a"), ("val", "b")):
        for thing, values in (("image", COLOURS), ("semseg", GREY)):
            (root / split / thing).mkdir(parents=True)
            Image.fromarray(values).save(root / split / thing / f"{stem}.png")
        (root / f"{split}.txt").write_text(f"{stem}\n")
    fields = {"name": "mine", "image": {"folder": "{split}/image"}, "splits": {"list": "{split}.txt"}}
    fields["tasks"] = {"semseg": {"folder": "{split}/semseg", "classes": 3}}
    (root / "data.yaml").write_text(yaml.safe_dump(fields))
    before = sorted(tmp_path.rglob("*"))
    yield root
    assert set(tmp_path.rglob("*")) - set(before) <= {root / "extra"}


LISTS = {
    "traversal": b"../../../etc/passwd\n/etc/passwd\n..\n",
    "NUL": b"a\0b\n",
    "no UTF-8": b"\xff\xfe\n",
    "one long line": b"x" * 2**20,
    "many lines": b"".join(b"%d\n" % number for number in range(10_000)),
    "twice": b"a\na\n",
    "nothing": b"",
    "controls": b"\x1b]0;owned\x07\n",
    "lines of Unicode": "a\u2028b\u2029c\x85d\n".encode(),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_written_to_break_readers(judged, folder, case):
    (folder / "train.txt").write_bytes(LISTS[case])
    assert judged(lambda: open_folder(folder / "data.yaml"), folder) is None
    published = Publication("mine", "Mine", (), {"train": 9, "val": 9}, "")
    assert judged(lambda: read_lists(folder, published), folder) is None


@FEW
@given(st.data())
def test_damaged_lists(judged, fuzz, folder, data):
    (folder / "train.txt").write_bytes(data.draw(fuzz.bytes(b"a\r\nb\nc ")))
    opened = judged(lambda: open_folder(folder / "data.yaml"), folder)
    assert opened is None or opened.train.ids == ("a",)


def test_pipes_and_devices_make_nobody_wait(judged, folder):
    path = folder / "train.txt"
    path.unlink()
    os.mkfifo(path)
    assert judged(lambda: open_folder(folder / "data.yaml"), path) is None
    path.unlink()
    path.symlink_to("/dev/zero")
    assert judged(lambda: open_folder(folder / "data.yaml"), path) is None
    path.unlink()
    path.write_text("a\n")
    image = folder / "train/image/a.png"
    image.unlink()
    os.mkfifo(image)
    assert judged(lambda: open_folder(folder / "data.yaml"), image.parent) is None
    assert judged(lambda: read_bytes(image), "", refusal=BadFile) is None


@FEW
@given(st.data())
def test_damaged_files_of_a_data_set(judged, fuzz, folder, data):
    path = folder / data.draw(
        st.sampled_from(["train/image/a.png", "train/semseg/a.png", "val/semseg/b.png"])
    )
    whole = path.read_bytes()
    path.write_bytes(data.draw(fuzz.bytes(whole)))
    try:
        opened = judged(lambda: open_folder(folder / "data.yaml"), path)
        assert opened is None or opened.train[0].image.shape == (HEIGHT, WIDTH, 3)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("root", ["../../..", "/nowhere", "x" * 5000, "\0", "~", "{split}"])
def test_roots_that_cannot_be(judged, folder, root):
    fields = yaml.safe_load((folder / "data.yaml").read_text()) | {"root": root}
    (folder / "data.yaml").write_text(yaml.safe_dump(fields))
    assert judged(lambda: open_folder(folder / "data.yaml"), folder, root[:40]) is None


@pytest.mark.parametrize(
    "pattern", ["../../{split}", "/proc/self/{split}", "x" * 300 + "{split}", "\0{split}", "{split}/\ud83d"]
)
def test_folders_that_cannot_be(judged, folder, pattern):
    fields = yaml.safe_load((folder / "data.yaml").read_text())
    fields["image"]["folder"] = fields["splits"]["list"] = pattern
    (folder / "data.yaml").write_text(yaml.dump(fields), errors="surrogatepass")
    assert judged(lambda: open_folder(folder / "data.yaml"), folder) is None
