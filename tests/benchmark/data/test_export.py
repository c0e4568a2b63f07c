"""What is exported reads back equal, through the loaders for the field's own files."""

import dataclasses

import numpy as np
import pytest
import yaml

from benchmark.data.dataset import Sample
from benchmark.data.export import LAYOUTS, export
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset
from benchmark.tasks import make_task

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


OWN = """
from benchmark.plugins import register_task
from benchmark.tasks.edge import Edge

@register_task("exported-cracks", source="this test")
class Cracks(Edge):
    "Thin, too."
"""


def test_tasks_of_folders_read_back_as_what_they_were(rooms, tmp_path):
    """Under names that say nothing of their losses, with weights, options and a file of one's own."""
    export(rooms, "folder", tmp_path / "out")
    (tmp_path / "out" / "own.py").write_text(OWN)
    described = yaml.safe_load((tmp_path / "out" / "dataset.yaml").read_text())
    edge = {"folder": "{split}/edge", "weight": 7.0, "options": {"positive_weight": 0.8}}
    described["tasks"] = {
        "borders": edge | {"task": "edge"},
        "plain": {"folder": "{split}/edge", "kind": "binary"},
        "cracks": edge | {"task": "own.py:exported-cracks"},
        "human_parts": {"folder": "{split}/semseg", "classes": 20},
        "rooms": {"folder": "{split}/semseg", "kind": "categorical", "classes": 20},
    }
    (tmp_path / "out" / "dataset.yaml").write_text(yaml.safe_dump(described))
    before = open_dataset(str(tmp_path / "out" / "dataset.yaml"), {})
    kinds = {task.name: type(task).__name__ for task in before.tasks}
    assert [kinds[name] for name in ("borders", "plain", "cracks")] == ["Edge", "Saliency", "Cracks"]
    export(before, "folder", tmp_path / "again")
    after = open_dataset(str(tmp_path / "again" / "dataset.yaml"), {})
    said = [
        [(type(task), task.name, task.classes, task.weight, task.options) for task in each.tasks]
        for each in (before, after)
    ]
    assert said[1] == said[0]
    # What 255 means was said, and is not to be doubted.
    assert {coding.ignored for coding in after.codings.values()} == {None}


def degrees(one, two):
    """Angles between unit vectors; 180 where one of the two is unknown."""
    angles = 2 * np.arctan2(np.linalg.norm(one - two, axis=2), np.linalg.norm(one + two, axis=2))
    known = one.any(2), two.any(2)
    return np.where(known[0] != known[1], 180, np.degrees(np.where(known[0], angles, 0)))


#: By layout: how its loader calls it, and how far normals may turn in it.
LAYOUTS_OF_NYUD = {"nyud-a": ("A", 3), "nyud-b": ("B", 1e-4), "nyud-c": ("C", 0.5), "nyud-d": ("D", 1e-4)}


@pytest.mark.parametrize("layout", LAYOUTS_OF_NYUD)
def test_nyud_reads_what_was_written_for_it(thirteen_rooms, exported, layout):
    again = open_dataset("nyud", {}, exported[layout])
    name, rounding = LAYOUTS_OF_NYUD[layout]
    assert again.facts["layout"].startswith(f"{name}: ")
    for before, after in pairs(thirteen_rooms, again, numbered=name == "D"):
        image_error = np.abs(after.image.astype(int) - before.image)
        assert image_error.mean() < 2 if name in "AB" else image_error.max() == 0
        for task in ("semseg", "depth") if name == "D" else ("semseg", "depth", "edge"):
            np.testing.assert_array_equal(after.labels[task], before.labels[task], err_msg=task)
        assert degrees(after.labels["normals"], before.labels["normals"]).max() < rounding


@pytest.mark.parametrize("layout", LAYOUTS_OF_NYUD)
def test_the_check_finds_nothing_wrong_with_an_export(exported, data_check, layout):
    checked = data_check("nyud", exported[layout])
    assert (checked.code, "No problems found." in checked.text) == (0, True)
    assert "train: 5 images: 40 x 56 x 3 uint8 (5)" in checked.text


class OneSample:
    def __init__(self, sample, *names):
        self.sample, self.ids = sample, names

    def __getitem__(self, position):
        return self.sample


def test_unknown_directions_stay_unknown_in_jpeg_files(thirteen_rooms, tmp_path):
    sample = thirteen_rooms.train[0]
    normals = sample.labels["normals"].copy()
    normals[:16, 8:24] = 0
    train = OneSample(Sample(sample.image, {**sample.labels, "normals": normals}), "0001")
    val = OneSample(thirteen_rooms.val[0], "0002")
    export(dataclasses.replace(thirteen_rooms, train=train, val=val), "nyud-a", tmp_path / "out")
    again = open_dataset("nyud", {}, tmp_path / "out").train[0].labels["normals"]
    assert degrees(again, normals).max() < 3


def test_equal_data_give_equal_files_at_any_time_of_day(thirteen_rooms, exported, tmp_path, monkeypatch):
    monkeypatch.setattr("time.asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    export(thirteen_rooms, "nyud-a", tmp_path / "again")
    files = sorted(path for path in exported["nyud-a"].rglob("*") if path.is_file())
    assert {path.suffix for path in files} == {".jpg", ".mat", ".png", ".txt"}
    for path in files:
        assert (tmp_path / "again" / path.relative_to(exported["nyud-a"])).read_bytes() == path.read_bytes()


def test_ids_with_a_split_in_front_become_names_of_files(exported, tmp_path):
    numbered = open_dataset("nyud", {}, exported["nyud-d"])
    assert export(numbered, "nyud-a", tmp_path / "a") == []
    assert open_dataset("nyud", {}, tmp_path / "a").val.ids == ("val-0000", "val-0001", "val-0002")
    export(numbered, "folder", tmp_path / "folder")
    again = open_dataset(str(tmp_path / "folder" / "dataset.yaml"), {})
    for before, after in pairs(numbered, again, numbered=True):
        np.testing.assert_array_equal(after.labels["semseg"], before.labels["semseg"])


@pytest.mark.parametrize("layout", ["folder", "nyud-a"])
def test_ids_that_would_be_one_file_are_refused(thirteen_rooms, tmp_path, layout):
    """One image would be lost, and the data set be whole to all that look at it."""
    colliding = dataclasses.replace(
        thirteen_rooms, train=OneSample(thirteen_rooms.train[0], "a/b-c", "b", "a-b/c")
    )
    with pytest.raises(UserError) as caught:
        export(colliding, layout, tmp_path / "out")
    assert str(caught.value) == (
        "Images 'a/b-c' and 'a-b/c' would both be written as 'a-b-c': rename one of them."
    )
    assert list(tmp_path.iterdir()) == []


def test_splits_share_names_only_where_they_have_folders_of_their_own(thirteen_rooms, tmp_path):
    shared = dataclasses.replace(
        thirteen_rooms,
        train=OneSample(thirteen_rooms.train[0], "a/b"),
        val=OneSample(thirteen_rooms.val[0], "a-b"),
    )
    with pytest.raises(UserError, match="'a/b' and 'a-b' would both be written as 'a-b'"):
        export(shared, "nyud-b", tmp_path / "out")
    for layout in ("folder", "nyud-d"):
        export(shared, layout, tmp_path / layout)
    again = open_dataset(str(tmp_path / "folder" / "dataset.yaml"), {})
    assert (again.train.ids, again.val.ids) == (("train/a-b",), ("val/a-b",))


def test_a_depth_of_0_that_was_measured_stays_one(rooms, tmp_path):
    """By default 0 says in depth maps that nothing was measured."""
    sample = rooms.train[0]
    depth = sample.labels["depth"].copy()
    depth[:4], depth[4:8] = 0, np.nan
    zero = OneSample(Sample(sample.image, {**sample.labels, "depth": depth}), "a")
    export(dataclasses.replace(rooms, train=zero), "folder", tmp_path / "out")
    again = open_dataset(str(tmp_path / "out" / "dataset.yaml"), {})
    np.testing.assert_array_equal(again.train[0].labels["depth"], depth)
    export(rooms, "folder", tmp_path / "plain")
    assert "invalid" not in (tmp_path / "plain" / "dataset.yaml").read_text()  # so its digest stays


def test_what_has_no_place_is_said(rooms, tmp_path):
    assert export(rooms, "nyud-a", tmp_path / "out") == ["saliency"]


def test_more_classes_than_a_layout_holds(rooms, tmp_path):
    with pytest.raises(UserError) as caught:
        export(rooms, "nyud-d", tmp_path / "nyuv2")
    assert str(caught.value) == (
        "Layout nyud-d holds 13 classes, and rooms has 14; they fit into: folder, nyud-a, nyud-b, nyud-c."
    )
    semseg = make_task("semseg", classes=tuple(map(str, range(41))))
    with pytest.raises(UserError, match=r"holds 40 classes, and rooms has 41; they fit into: folder\.$"):
        export(dataclasses.replace(rooms, tasks=(semseg,)), "nyud-a", tmp_path / "out")
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
