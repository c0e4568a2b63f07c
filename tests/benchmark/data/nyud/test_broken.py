"""Broken copies of NYUD-v2, in every layout where a fault can lie: the check and a run name the file."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from nyud_copies import stored
from PIL import Image
from scipy.io import savemat

from benchmark.data.checks.check import check_dataset
from benchmark.data.decoded.rows import Rows
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset

LISTED = ("nyud-a", "nyud-b", "nyud-c")
ALL = (*LISTED, "nyud-d")


def opened(root):
    return open_dataset("nyud", {}, root)


def error(root):
    with pytest.raises(UserError) as caught:
        opened(root)
    return str(caught.value)


@pytest.fixture(scope="module")
def sound(exported):
    """The copies before they are broken, opened."""
    return {layout: opened(exported[layout]) for layout in ALL}


@pytest.fixture
def broken(copy_of, exported, sound):
    """Makes a copy whose file of one thing is damaged at one position of train; returns both paths."""

    def make(layout, thing, position, damage):
        root = copy_of(layout)
        path = root / sound[layout].train.split.entries[position].files[thing].relative_to(exported[layout])
        damage(path)
        return root, path

    return make


def store(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".mat":
        savemat(path, {path.parent.name: values})
    else:
        Image.fromarray(values).save(path, quality=100, subsampling=0)


def changed(change):
    """A fault: the values of a file are changed."""
    return lambda path: store(path, change(stored(path)))


def put(value):
    def change(values):
        values = values.copy()
        values[3, 4] = value
        return values

    return changed(change)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def every_byte(values):
    return (np.arange(values.size) % 256).reshape(values.shape).astype(values.dtype)


def shortened(values):
    """Vectors of a third of their length, in the layout's own coding."""
    if values.dtype != np.uint8:
        return values * np.float32(0.3)
    return np.rint((values / 127.5 - 1) * 0.3 * 127.5 + 127.5).astype(np.uint8)


def unsigned(values):
    return np.rint(np.abs(values / 127.5 - 1) * 255).astype(np.uint8)


#: What is broken, how, in which layouts, and what has to be said of it.
FAULTS = {
    "half an image": ("image", cut, ALL, "damaged"),
    "half a depth map": ("depth", cut, ALL, "damaged"),
    "all bytes as classes": ("semseg", changed(every_byte), LISTED, "has classes 1..40 and ignores [0]"),
    "all bytes as 13 classes": (
        "semseg", changed(every_byte), ("nyud-d",), "has classes 0..12 and ignores [-1]"
    ),
    "millimetres": ("depth", changed(lambda metres: metres * 1000), ALL, "should hold metres"),
    "negative depth": ("depth", put(-1.5), ALL, "has a distance of -1.5, and metres are 0 or more"),
    "infinite depth": ("depth", put(np.inf), ALL, "holds infinite numbers, where NaN"),
    "short normals": ("normals", changed(shortened), ALL, "and normals should be of length 1"),
    "shifted normals": (
        "normals", changed(lambda unit: (unit + 1) / 2), ("nyud-b", "nyud-d"), "should be of length 1"
    ),
    "normals to 255": (
        "normals", changed(lambda unit: (unit + 1) * 127.5), ("nyud-b", "nyud-d"), "holds vectors of length"
    ),
    "colours without a sign": (
        "normals", changed(unsigned), ("nyud-a", "nyud-c"), "should be of length 1"
    ),
}  # fmt: skip
CASES = [(fault, layout) for fault, (_, _, layouts, _) in FAULTS.items() for layout in layouts]


@pytest.mark.parametrize(("fault", "layout"), CASES)
def test_a_bad_file_that_opening_looks_into(broken, data_check, fault, layout):
    thing, damage, _, words = FAULTS[fault]
    root, path = broken(layout, thing, 0, damage)
    checked = data_check("nyud", root)
    assert checked.code == 2
    assert checked.text.startswith(f"Error: {str(path)!r} ")
    assert words in checked.text
    assert checked.text.count("\n") == 1


@pytest.mark.parametrize(("fault", "layout"), CASES)
def test_a_bad_file_that_only_reading_all_finds(broken, fault, layout):
    thing, damage, _, words = FAULTS[fault]
    root, path = broken(layout, thing, 1, damage)
    dataset = opened(root)
    (problem,) = check_dataset(dataset).problems
    assert problem.startswith(f"train image {dataset.train.ids[1]!r}: {str(path)!r} ")
    assert words in problem
    with pytest.raises(UserError) as caught:  # as a run reads it
        list(Rows(dataset.train, dataset.tasks).blocks(lambda _: None))
    assert str(caught.value).startswith(f"{str(path)!r} ")
    assert words in str(caught.value)


def test_problems_are_exit_code_1(broken, data_check):
    root, path = broken("nyud-b", "depth", 1, put(-1.5))
    checked = data_check("nyud", root)
    assert checked.code == 1
    assert str(path) in checked.text.partition("Problems:\n")[2]


@pytest.mark.parametrize("layout", ALL)
def test_a_missing_file(broken, data_check, layout):
    root, path = broken(layout, "depth", 1, Path.unlink)
    checked = data_check("nyud", root)
    assert checked.code == 2
    assert f"(1 found):\n  {str(path)!r} is missing" in checked.text


def test_a_number_without_an_image(broken):
    root, path = broken("nyud-d", "image", 1, Path.unlink)
    assert f"(1 found):\n  {str(path)!r} is missing (id 'train/0001' of train)." in error(root)


def with_list(root, split, change):
    path = root / "gt_sets" / f"{split}.txt"
    path.write_text("".join(f"{name}\n" for name in change(path.read_text().split())))
    return path


@pytest.mark.parametrize("layout", LISTED)
def test_an_id_that_is_not_there(copy_of, data_check, layout):
    root = copy_of(layout)
    with_list(root, "val", lambda names: [*names, "0777"])
    checked = data_check("nyud", root)
    assert checked.code == 2
    assert "(1 found):\n  Id '0777' of val is not there: " in checked.text
    assert f"{root}/images/0777." in checked.text


@pytest.mark.parametrize("layout", LISTED)
def test_an_id_in_both_lists(copy_of, sound, data_check, layout):
    root, name = copy_of(layout), sound[layout].train.ids[1]
    with_list(root, "val", lambda names: [*names, name])
    checked = data_check("nyud", root)
    assert checked.code == 2
    assert (
        checked.text == f"Error: Id {name!r} is in both lists of {str(root / 'gt_sets')!r}; keep it in one.\n"
    )


@pytest.mark.parametrize("layout", ["nyud-b", "nyud-d"])
def test_one_picture_in_both_splits(copy_of, data_check, layout):
    root = copy_of(layout)
    dataset = opened(root)
    shutil.copy(dataset.train.split.entries[3].files["image"], dataset.val.split.entries[2].files["image"])
    checked = data_check("nyud", root)
    assert checked.code == 1
    names = dataset.val.ids[2], dataset.train.ids[3]
    assert "val image {!r} holds the same pixels as train image {!r}".format(*names) in checked.text


@pytest.mark.parametrize("layout", LISTED)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda names: [], "has no image of val, and NYUD-v2 has 654"),
        (lambda names: [names[0], *names], "is 2 times in"),
    ],
)
def test_an_empty_list_and_an_id_twice(copy_of, data_check, layout, change, words):
    root = copy_of(layout)
    path = with_list(root, "val", change)
    checked = data_check("nyud", root)
    assert (checked.code, checked.text.count("\n")) == (2, 1)
    assert repr(str(path)) in checked.text
    assert words in checked.text


def test_an_empty_folder_of_numbers(copy_of):
    root = copy_of("nyud-d")
    for folder in (root / "val").iterdir():
        shutil.rmtree(folder)
        folder.mkdir()
    assert (
        error(root) == f"{str(root / 'val')!r} has no image of val, and NYUD-v2 has 654 (fewer are accepted)."
    )


@pytest.mark.parametrize("layout", ALL)
def test_not_a_number_is_not_measured(broken, layout):
    dataset = opened(broken(layout, "depth", 1, put(np.nan))[0])
    assert check_dataset(dataset).ok
    assert np.isnan(dataset.train[1].labels["depth"][3, 4])


@pytest.mark.parametrize("layout", ALL)
def test_splits_can_be_sent_to_the_workers_of_a_streamed_run(sound, layout):
    split = sound[layout].train
    sent = pickle.loads(pickle.dumps(split))
    for label, again in zip(split[1].labels.values(), sent[1].labels.values(), strict=True):
        np.testing.assert_array_equal(label, again)


def nested(row):
    """Lists of lists, channels first."""
    if row is None:
        return None
    return (row.transpose(2, 0, 1) if row.ndim == 3 else row).tolist()


def parquet_of(root, folder, **changes):
    """A numbered copy as one file a split, a row group an image; ``changes`` are made to train's row 1."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra `parquet`")
    from pyarrow import parquet

    folder.mkdir()
    names = {"image": "image", "segmentation": "label", "depth": "depth", "normal": "normal"}
    for split, count in (("train", 5), ("val", 3)):
        columns = {
            column: [np.load(root / split / name / f"{row}.npy") for row in range(count)]
            for column, name in names.items()
        }
        for column, change in changes.items() if split == "train" else ():
            columns[column][1] = change(columns[column][1])
        lists = {column: [nested(row) for row in rows] for column, rows in columns.items()}
        parquet.write_table(pa.table(lists), folder / f"{split}-0.parquet", row_group_size=1)
    return folder / "train-0.parquet"


@pytest.mark.parametrize(
    ("column", "change", "words"),
    [
        ("segmentation", every_byte, "has classes 0..12 and ignores [-1]"),
        ("depth", lambda metres: metres * 1000, "should hold metres"),
        ("depth", lambda metres: metres - 50, "metres are 0 or more"),
        ("depth", lambda metres: metres * np.inf, "infinite"),
        ("depth", lambda metres: None, "has no depth"),
        ("normal", shortened, "should be of length 1"),
        ("image", lambda image: image * 255, "0..1"),
    ],
)
def test_bad_rows_of_parquet_files(exported, tmp_path, column, change, words):
    path = parquet_of(exported["nyud-d"], tmp_path / "parquet", **{column: change})
    dataset = opened(path.parent)
    (problem,) = check_dataset(dataset).problems
    assert problem.startswith(f"train image 'train/0001': Row 0 of row group 1 of {str(path)!r} ")
    assert words in problem


def test_sound_parquet_files(exported, tmp_path):
    dataset = opened(parquet_of(exported["nyud-d"], tmp_path / "parquet").parent)
    assert check_dataset(dataset).ok


@pytest.mark.parametrize(
    ("thing", "change", "words"),
    [
        ("label", lambda values: values * 0 - 1, "train: every pixel of the 5 semseg labels is ignored"),
        ("label", lambda values: values * 0 + 3, "train: no pixel of the 5 edge labels says yes"),
        (
            "depth",
            lambda values: values * 0,
            "val: every pixel of the 3 depth labels is without a measurement",
        ),
        (
            "normal",
            lambda values: values * 0,
            "train: every pixel of the 5 normals labels is without a direct",
        ),
    ],
)
def test_parquet_files_that_say_nothing(copy_of, data_check, tmp_path, thing, change, words):
    root = copy_of("nyud-d")
    for path in root.rglob(f"{thing}/*.npy"):
        np.save(path, change(np.load(path)))
    checked = data_check("nyud", parquet_of(root, tmp_path / "parquet").parent)
    assert checked.code == 1
    assert words in checked.text.partition("Problems:\n")[2]
