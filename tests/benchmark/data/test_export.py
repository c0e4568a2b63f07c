"""What is exported reads back equal, through the loaders for the field's own files."""

import numpy as np
import pytest

from benchmark.catalogue import open_dataset
from benchmark.data.export import LAYOUTS, export
from benchmark.errors import UserError

SIZE = {"pool": 3, "val": 2, "height": 40, "width": 56}


@pytest.fixture(scope="module")
def rooms():
    return open_dataset("rooms", SIZE)


def pairs(one, two, numbered=False):
    for name in ("train", "val"):
        first, second = getattr(one, name), getattr(two, name)
        assert numbered or first.ids == second.ids
        yield from ((first[n], second[n]) for n in range(len(first.ids)))


def test_folders_read_back_equal(rooms, tmp_path):
    assert export(rooms, "folder", tmp_path / "out") == []
    again = open_dataset(str(tmp_path / "out" / "dataset.yaml"), {})
    assert [task.name for task in again.tasks] == [task.name for task in rooms.tasks]
    assert again.tasks[0].classes == rooms.tasks[0].classes
    for before, after in pairs(rooms, again):
        np.testing.assert_array_equal(after.image, before.image)
        for task, label in before.labels.items():
            rounding = 1e-7 if task == "normals" else 0  # readers bring them to unit length
            np.testing.assert_allclose(after.labels[task], label, rtol=0, atol=rounding, err_msg=task)


@pytest.mark.parametrize(("layout", "found"), [("nyud-b", "B"), ("nyud-c", "C")])
def test_nyud_reads_what_was_written_for_it(rooms, tmp_path, layout, found):
    assert export(rooms, layout, tmp_path / "NYUD_MT") == ["saliency"]
    again = open_dataset("nyud", {}, tmp_path)
    assert again.facts["layout"].startswith(found)
    for before, after in pairs(rooms, again):
        image_error = np.abs(after.image.astype(int) - before.image)
        assert image_error.max() == 0 if layout == "nyud-c" else image_error.mean() < 2
        for task in ("semseg", "depth", "edge"):
            np.testing.assert_array_equal(after.labels[task], before.labels[task], err_msg=task)
        worst = np.abs(after.labels["normals"] - before.labels["normals"]).max()
        assert worst < (1e-6 if layout == "nyud-b" else 0.02)


def test_thirteen_classes_fit_the_numbered_layout(tmp_path):
    rooms = open_dataset("rooms", SIZE)
    with pytest.raises(UserError, match="holds 13 classes, and rooms has 14"):
        export(rooms, "nyud-d", tmp_path / "nyuv2")
    assert list(tmp_path.iterdir()) == []


def test_the_real_frames_survive_a_journey_through_two_layouts(realdata, tmp_path):
    first = open_dataset("nyud", {}, realdata / "NYUD_MT")
    export(first, "nyud-c", tmp_path / "NYUDv2")
    again = open_dataset("nyud", {}, tmp_path / "NYUDv2")
    for before, after in pairs(first, again):
        np.testing.assert_array_equal(after.image, before.image)
        np.testing.assert_array_equal(after.labels["semseg"], before.labels["semseg"])
        np.testing.assert_array_equal(after.labels["depth"], before.labels["depth"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_that_is_there_is_never_written_into(rooms, tmp_path, layout):
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match=r"is there already|holds 13"):
        export(rooms, layout, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failure_leaves_nothing(rooms, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.data.export._npy", lambda _: 1 / 0)
    monkeypatch.setattr("benchmark.data.export._png", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(rooms, "folder", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_layout_lists_what_there_is(rooms, tmp_path):
    with pytest.raises(UserError, match="nyud-b"):
        export(rooms, "coco", tmp_path / "out")
