"""PASCAL-Context: labels come back exactly, edges are kept outside the data, what is wrong is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pascal_copies import (
    CANVAS,
    SIZES,
    TRAIN,
    VAL,
    error,
    opened,
    raw,
    save,
    write_parts,
)
from PIL import Image
from scipy.io import savemat

from benchmark.data.checks.check import check_dataset
from benchmark.data.custom.contract import CLAUSES, Probe
from benchmark.data.decoded.rows import Rows
from benchmark.data.pascal.annotations import PART_CLASSES
from benchmark.data.pascal.edges import label_edges
from benchmark.data.published.publication import in_threads
from benchmark.errors import UserError
from benchmark.experiment.catalogue import preset_file
from benchmark.experiment.loading import load_experiment
from benchmark.plugins import DATASETS
from benchmark.tasks import make_task
from benchmark.tasks.human_parts import HumanParts

REAL = Path(__file__).parents[4].parent / "shared" / "realdata" / "PASCAL_MT"
NO_PARTS = (
    "val: no image has a human_parts label: human_parts is not measured, and no part of the total loss."
)


def test_values_come_back_exactly_on_the_canvas(copy: Path) -> None:
    dataset = opened(copy)
    assert (dataset.train.ids, dataset.val.ids) == (TRAIN, VAL)
    assert [(task.name, task.weight) for task in dataset.tasks] == [
        ("semseg", 1), ("human_parts", 2), ("saliency", 5), ("normals", 10), ("edge", 50)
    ]  # fmt: skip
    for sample, name in zip((*dataset.train, *dataset.val), SIZES, strict=True):
        arrays, (height, width) = raw(name), SIZES[name]
        with Image.open(copy / "JPEGImages" / f"{name}.jpg") as picture:
            np.testing.assert_array_equal(sample.image[:height, :width], np.asarray(picture))
        inside = {task: label[:height, :width] for task, label in sample.labels.items()}
        np.testing.assert_array_equal(inside["semseg"], arrays["semseg"])
        np.testing.assert_array_equal(inside["saliency"], arrays["saliency"] / 255 > 0.5)
        vectors = 2 * arrays["normals"].astype(np.float64) / 255 - 1
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        vectors[arrays["label_map"] == 0] = 0
        np.testing.assert_allclose(inside["normals"], vectors, atol=1e-6)
        np.testing.assert_array_equal(inside["edge"], label_edges(arrays["label_map"].astype(np.int32)))
        for task, label in sample.labels.items():
            assert label.shape[:2] == CANVAS
            nothing = 0 if task == "normals" else 255
            assert (label[height:] == nothing).all()
            assert (label[:, width:] == nothing).all()
    assert check_dataset(dataset).problems == (NO_PARTS,)


def test_parts_of_people_only_and_none_without(copy: Path) -> None:
    train, val = opened(copy).train, opened(copy).val
    expected = np.zeros(SIZES[TRAIN[0]], np.uint8)
    expected[0:6, 2:8] = 1  # hair is of the head
    expected[5:9, 2:8] = 4  # a hand is of the lower arm; what is listed later lies on top
    np.testing.assert_array_equal(train[0].labels["human_parts"][:20, :30], expected)
    assert "human_parts" not in train[1].labels
    assert "human_parts" not in val[0].labels


def test_the_24_parts_are_six() -> None:
    assert len(PART_CLASSES) == 24
    assert sorted(set(PART_CLASSES.values())) == [1, 2, 3, 4, 5, 6]
    assert [PART_CLASSES[part] for part in ("nose", "neck", "luarm", "rhand", "ruleg", "lfoot")] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    task = make_task("human_parts")
    assert isinstance(task, HumanParts)
    assert (task.kind, task.channels, task.weight) == ("categorical", 7, 2.0)


def test_larger_images_are_shrunk_undistorted(copy: Path) -> None:
    sample = opened(copy, size=(16, 16)).train[0]  # 20 x 30 pixels
    inside = sample.labels["semseg"][1:11, :16]
    assert (sample.labels["edge"][11:] == 255).all()
    assert not (sample.labels["edge"][:11] == 255).any()
    assert set(np.unique(inside)) <= {*np.unique(raw(TRAIN[0])["semseg"])}
    assert opened(copy, size=(10, 30)).train[0].labels["edge"][:, 15:].min() == 255


def test_labels_of_another_size_are_brought_to_that_of_the_image(copy: Path) -> None:
    saliency = raw(TRAIN[0])["saliency"]
    save(copy / "sal_distill" / f"{TRAIN[0]}.png", np.repeat(np.repeat(saliency, 3, 0), 3, 1))
    label = opened(copy).train[0].labels["saliency"][:20, :30]
    np.testing.assert_array_equal(label, saliency / 255 > 0.5)


def test_threads_stop_at_the_first_error() -> None:
    def fail(path: Path) -> None:
        raise UserError(str(path))

    with pytest.raises(UserError, match="first"):
        in_threads(fail, [Path("first"), Path("second")])


def test_both_folder_names_and_two_candidates(copy: Path) -> None:
    assert opened(copy.parent).digest == opened(copy).digest
    other = shutil.copytree(copy, copy.parent / "PASCALContext")
    assert opened(other).digest == opened(copy).digest
    assert "name one of them" in error(copy.parent)


@pytest.mark.parametrize("root", [None, "missing", "."])
def test_without_data_one_message_says_what_to_get(tmp_path: Path, root: str | None) -> None:
    message = error(tmp_path / root if root else None)
    for hint in ("PASCAL_MT.tgz", "normals_distill", "ImageSets", "mtal data check pascal"):
        assert hint in message


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: str(clause.__name__))
def test_it_keeps_the_contract_of_data_sets(copy: Path, clause: Callable[[Probe], None]) -> None:
    clause(Probe(DATASETS.resolve("pascal"), copy))


def test_facts(copy: Path) -> None:
    facts = opened(copy, pool=1).facts
    assert facts["images"] == {"train": 1, "val": 1}
    assert facts["found"] == {"train": 2, "val": 1}
    assert facts["published"] == {"train": 4998, "val": 5105}
    assert "distilled" in facts["label origins"]["normals"]
    assert "distilled" in facts["label origins"]["saliency"]
    assert "1 from VOC12, 1 from pascal-context" in facts["label origins"]["semseg"]


def cut(place: str) -> Callable[[Path], Any]:
    return lambda root: (root / place).write_bytes((root / place).read_bytes()[:-90])


def mat(place: str, variables: dict[str, Any]) -> Callable[[Path], None]:
    return lambda root: savemat(root / place, variables)


MAP = f"pascal-context/trainval/{TRAIN[0]}.mat"
PARTS = f"human_parts/{TRAIN[0]}.mat"
IMAGE, NORMALS = f"JPEGImages/{TRAIN[0]}.jpg", f"normals_distill/{TRAIN[0]}.png"
SEMSEG = f"semseg/VOC12/{TRAIN[0]}.png"
ONE = np.ones(SIZES[TRAIN[0]], np.uint8)
BREAKAGES: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "missing label": (lambda r: (r / f"sal_distill/{VAL[0]}.png").unlink(), (f"sal_distill/{VAL[0]}.png",)),
    "renamed folder": (lambda r: (r / "semseg").rename(r / "seg"), ("semseg/pascal-context/", "3 found")),
    "unknown id": (
        lambda r: (r / "ImageSets/Context/val.txt").write_text("2010_000001\n"),
        ("JPEGImages/2010_000001.jpg", "missing"),
    ),
    "empty split": (
        lambda r: (r / "ImageSets/Context/val.txt").write_text(""), ("Context/val.txt", "no image of val")
    ),
    "id in both": (
        lambda r: (r / "ImageSets/Context/val.txt").write_text(f"{VAL[0]}\n{TRAIN[1]}\n"),
        (f"'{TRAIN[1]}'", "in both lists", "ImageSets/Context", "keep it in one"),
    ),
    "id twice": (
        lambda r: (r / "ImageSets/Context/train.txt").write_text(f"{TRAIN[0]}\n{TRAIN[0]}\n"),
        (f"'{TRAIN[0]}' is 2 times", "Context/train.txt", "once is right"),
    ),
    "truncated image": (cut(IMAGE), (IMAGE, "damaged: image file is truncated")),
    "truncated png": (cut(NORMALS), (NORMALS, "damaged")),
    "truncated annotation": (cut(MAP), (MAP, "MATLAB")),
    "truncated parts": (cut(PARTS), (PARTS, "MATLAB")),
    "class 40": (
        lambda r: save(r / SEMSEG, ONE * 40), (SEMSEG, "holds 40, and semseg has classes 0..20")
    ),
    "short normals": (
        lambda r: save(r / NORMALS, np.stack([ONE * 160] * 3, 2)), (NORMALS, "of a median length of 0.44")
    ),
    "wrong key": (mat(MAP, {"labelmap": np.ones((20, 30))}), (MAP, "'labelmap'", "'LabelMap'")),
    "no ids": (mat(MAP, {"LabelMap": np.full((20, 30), 460)}), (MAP, "459")),
    "no annotation": (mat(PARTS, {"anno": np.ones((2, 2))}), (PARTS, "PASCAL-Part")),
    "no MATLAB file": (lambda r: (r / PARTS).write_bytes(b"x" * 300), (PARTS, "MATLAB")),
    "unknown part": (lambda r: write_parts(r, TRAIN[0], [(15, ONE, [("tail", ONE)])]), (PARTS, "'tail'")),
    "grey normals": (
        lambda r: save(r / f"normals_distill/{TRAIN[0]}.png", ONE), ("normals_distill", "three channels")
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKAGES)
def test_what_is_wrong_is_named(copy: Path, data_check: Any, case: str) -> None:
    breakage, hints = BREAKAGES[case]
    breakage(copy)
    checked = data_check("pascal", copy, "size=[32, 32]")
    assert checked.code == 2
    assert checked.text.startswith("Error: ")
    assert all(hint in checked.text for hint in hints), checked.text


@pytest.mark.parametrize(
    "case", [case for case, (_, hints) in BREAKAGES.items() if f"/{TRAIN[0]}." in hints[0]]
)
def test_what_goes_wrong_after_opening_is_named_when_it_is_read(copy: Path, case: str) -> None:
    breakage, hints = BREAKAGES[case]
    dataset = opened(copy)
    breakage(copy)
    dataset.train.forget()  # what was decoded before it broke
    (problem,) = check_dataset(dataset).fatal
    assert problem.startswith(f"train image {TRAIN[0]!r}: '{copy}/")
    assert all(hint in problem for hint in hints)
    with pytest.raises(UserError, match=TRAIN[0]):  # as a run reads it
        Rows(dataset.train, dataset.tasks)


def test_options_and_presets(copy: Path) -> None:
    assert "siz" in error(copy, siz=3)
    assert "size" in error(copy, size=[512])
    for preset in ("quick", "standard", "paper"):
        assert preset_file("pascal", preset).is_file()
        assert len(load_experiment(None, preset, {"dataset": "pascal"}).data["size"]) == 2


@pytest.mark.skipif(not REAL.is_dir(), reason="the real frames are not here: ../shared/realdata/PASCAL_MT")
def test_real_frames() -> None:
    dataset = opened(REAL.parent, size=(512, 512))
    assert (len(dataset.train.ids), len(dataset.val.ids)) == (6, 3)
    report = check_dataset(dataset)
    assert report.problems == report.warnings == (NO_PARTS,)
    parts = report.splits["train"].tasks["human_parts"]
    assert parts.labelled == 5
    assert all(parts.values[name] > 0 for name in ("head", "torso", "lower leg"))
    assert report.splits["val"].tasks["human_parts"].labelled == 0
    people = dataset.train[5].labels
    assert (people["semseg"][(people["human_parts"] > 0) & (people["human_parts"] < 255)] == 15).mean() > 0.99
