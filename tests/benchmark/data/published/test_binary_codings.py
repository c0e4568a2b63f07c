"""Yes and no in published data sets: the same labels in every coding, told by all files; other traps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nyud_copies import stored
from PIL import Image
from scipy.io import savemat

from benchmark.data.folder.config import TaskFolder
from benchmark.data.folder.label_files import as_label
from benchmark.data.published.binary_codings import (
    BLANK,
    BOTH,
    GREY,
    HIGH,
    ONE,
    SHARE,
    told_by_files,
    values_of,
)
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset
from benchmark.experiment.config import validated
from benchmark.protocol.bench import open_bench

Array = np.ndarray[Any, Any]
Change = Callable[[Array], Array]
LISTED = ("nyud-a", "nyud-b", "nyud-c")
ALL = (*LISTED, "nyud-d")


def store(path: Path, values: Array) -> None:
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".mat":
        savemat(path, {path.parent.name: values})
    else:
        Image.fromarray(values).save(path)


def files_of(root: Path, thing: str) -> list[Path]:
    return sorted(
        p for p in root.rglob("*") if p.is_file() and thing in (p.parent.name, p.parent.parent.name)
    )


def recode(root: Path, thing: str, change: Change, few: int = 999) -> Path:
    for path in [p for p in files_of(root, thing) if thing == p.parent.name][:few]:
        store(path, change(stored(path)))
    return root


def run_opened(dataset: str, root: Path, **data: Any) -> Any:
    """As a run opens it, before it trains anything."""
    fields = {"dataset": dataset, "data": data, "data_root": str(root), "budgets": [1, 2]}
    fields |= {"strategies": ["random"], "seeds": [0], "recipe": {"iterations": 1, "batch_size": 1}}
    said: list[str] = []
    open_bench(validated(fields, "test"), root / "out", type("Heard", (), {"say": said.append}))
    return said[1:]  # the first says where the data lie


def edges(root: Path) -> list[Array]:
    dataset = open_dataset("nyud", {}, root)
    return [split[n].labels["edge"] for split in (dataset.train, dataset.val) for n in range(len(split.ids))]


def bytes_of(yes: int) -> Change:
    return lambda values: (values > 0).astype(np.uint8) * np.uint8(yes)


CODINGS: dict[str, tuple[Change, tuple[str, ...], str]] = {
    "0 and 1": (bytes_of(1), LISTED, "0 and 1, 255 ignored"),
    "0 and 255": (bytes_of(255), LISTED, "0 to 255, over one half is a yes"),
    "yes or no": (lambda values: values > 0, ("nyud-a", "nyud-b", "nyud-c"), "0 and 1, 255 ignored"),
    "floats to 1": (lambda values: (values > 0).astype(np.float32), ("nyud-b",), "0 and 1, 255 ignored"),
    "floats to 255": (
        lambda values: (values > 0) * np.float32(255), ("nyud-b",), "0 to 255, over one half is a yes"
    ),
    "shares": (
        lambda values: np.where(values > 0, 0.8, 0.3).astype(np.float32), ("nyud-b",),
        "0 to 1, over one half is a yes",
    ),
    "greys": (
        lambda v: np.where(v > 0, 200, 90).astype(np.uint8), LISTED, "0 to 255, over one half is a yes"
    ),
    "16 bits": (
        lambda values: (values > 0).astype(np.uint16) * np.uint16(65535), LISTED,
        "0 to 255, over one half is a yes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("coding", "layout"), [(name, layout) for name, (_, layouts, _) in CODINGS.items() for layout in layouts]
)
def test_edges_are_the_same_in_every_coding(copy_of: Any, data_check: Any, coding: str, layout: str) -> None:
    change, _, words = CODINGS[coding]
    root = copy_of(layout)
    before = edges(root)
    recode(root, "edge", change)
    for one, other in zip(edges(root), before, strict=True):
        np.testing.assert_array_equal(one, other)
    checked = data_check("nyud", root)
    assert checked.code == 0
    assert f"codings: edge {words}" in checked.text
    assert run_opened("nyud", root) == []


@pytest.mark.parametrize("layout", LISTED)
def test_an_edge_map_without_an_edge_is_read_as_the_others_are(copy_of: Any, layout: str) -> None:
    root = recode(copy_of(layout), "edge", bytes_of(1))
    recode(root, "edge", bytes_of(0), few=1)
    assert [edge.max() for edge in edges(root)] == [0] + 7 * [1]


def test_ignored_pixels_of_labels_of_0_and_1(copy_of: Any, data_check: Any) -> None:
    def corner(values: Array) -> Array:
        values = values.astype(np.float32)
        values[0, 0] = 255
        return values

    root = recode(copy_of("nyud-b"), "edge", corner)
    recode(root, "edge", lambda values: np.where(values == 1, 0, values), few=1)
    read = edges(root)
    assert all(edge[0, 0] == 255 for edge in read)
    assert [int((edge == 1).any()) for edge in read] == [0] + 7 * [1]
    assert data_check("nyud", root).code == 0


@pytest.mark.parametrize("layout", LISTED)
def test_files_of_two_codings_are_a_problem(copy_of: Any, data_check: Any, layout: str) -> None:
    root = recode(recode(copy_of(layout), "edge", bytes_of(1)), "edge", bytes_of(255), few=3)
    words = "edge files are of two codings: 5 hold 0 to 1 ('edge/"
    for _ in range(2):  # as looked at, and as noted
        checked = data_check("nyud", root)
        assert (checked.code, words in checked.text.partition("Problems:\n")[2]) == (1, True)
    with pytest.raises(UserError) as caught:
        run_opened("nyud", root)
    assert words in str(caught.value)
    assert "3 hold 0 to 255 ('edge/" in str(caught.value)


#: What is done to all files of a thing, in which layouts, and what must be said of it.
NOTHING: dict[str, tuple[str, Change, tuple[str, ...], str]] = {
    "no edge": ("edge", lambda values: values * 0, LISTED, "train: no pixel of the 5 edge labels says yes"),
    "nothing but edges": ("edge", lambda v: v * 0 + 1, LISTED, "val: no pixel of the 3 edge labels says no"),
    "no class": ("segmentation", lambda values: values * 0, LISTED, "of the 5 semseg labels is ignored"),
    "no class in d": ("label", lambda v: v * 0 - 1, ("nyud-d",), "of the 3 semseg labels is ignored"),
    "one class": ("segmentation", lambda v: v * 0 + 7, LISTED, "semseg labels is of one class, 'table'"),
    "one class in d": ("label", lambda v: v * 0 + 7, ("nyud-d",), "no pixel of the 5 edge labels says yes"),
    "no depth": ("depth", lambda values: values * 0, ALL, "of the 5 depth labels is without a measurement"),
    "65.535 m": ("depth", lambda v: np.where(v > 3, 65.535, v), ALL, "of the depth pixels are 65.535"),
    "65535 m": (
        "depth", lambda v: np.where(v > np.quantile(v, 0.9), 65535, v).astype(np.float32), ALL,
        "of the depth pixels are 65535, the largest number that such files hold",
    ),
    "no normals": (
        "normals", lambda v: v * 0 + (128 if v.dtype == np.uint8 else 0), LISTED, "normals labels is without"
    ),
    "no normals in d": ("normal", lambda v: v * 0, ("nyud-d",), "normals labels is without a direction"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("trap", "layout"), [(trap, layout) for trap, (_, _, layouts, _) in NOTHING.items() for layout in layouts]
)
def test_labels_that_say_nothing(copy_of: Any, data_check: Any, trap: str, layout: str) -> None:
    thing, change, _, words = NOTHING[trap]
    root = recode(copy_of(layout), thing, change)
    checked = data_check("nyud", root)
    assert checked.code == 1
    assert words in checked.text.partition("Problems:\n")[2]
    with pytest.raises(UserError) as caught:
        run_opened("nyud", root)
    assert words in str(caught.value)


def test_files_that_begin_with_a_dot_are_no_numbers(copy_of: Any, data_check: Any) -> None:
    root = copy_of("nyud-d")
    for folder in ("image", "label", "depth", "normal"):
        for name in ("._0.npy", ".0.npy", ".DS_Store"):
            (root / "train" / folder / name).write_bytes(b"\0\5\x16\7")
    assert data_check("nyud", root).code == 0
    assert len(open_dataset("nyud", {}, root).train.ids) == 5


def test_a_number_of_another_ending_is_named(copy_of: Any, data_check: Any) -> None:
    root = copy_of("nyud-d")
    for folder in ("image", "label", "depth", "normal"):
        (root / "train" / folder / "2.npy").rename(root / "train" / folder / "2.npz")
    checked = data_check("nyud", root)
    assert checked.code == 2
    assert "train/image/2.npz' is not read: in this layout it should be 2.npy." in checked.text


@given(
    st.sampled_from([np.uint8, np.uint16, np.float32, np.int64]),
    st.sets(st.sampled_from([0, 1, 255]), min_size=1),
)
def test_values_of_files(dtype: Any, values: set[int]) -> None:
    expected = {(False, False): BLANK, (True, False): ONE, (False, True): HIGH, (True, True): BOTH}
    found = values_of(np.array([sorted(values)], dtype))
    assert found == expected[1 in values, 255 in values]
    assert values_of(np.array([[*values, 7]], dtype)) == GREY
    assert values_of(np.array([[0, 1, 0.5]], np.float32)) == SHARE


def test_a_few_nearly_black_maps_of_greys_change_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(12)]
    for path in paths:
        store(path, rng.integers(0, 256, (8, 8), dtype=np.uint8))
    store(paths[0], np.eye(8, dtype=np.uint8))
    told = told_by_files("saliency", paths, "one")
    assert (told.doubt, dict(told.fields)) == ("", {"threshold": 127.5})
    store(paths[1], np.eye(8, dtype=np.uint8))
    assert "2 hold 0 to 1 ('" in told_by_files("saliency", paths, "other").doubt
    task = TaskFolder.model_validate({"name": "saliency", "folder": "-", **told.fields})
    assert not as_label(stored(paths[0]), task).any()
