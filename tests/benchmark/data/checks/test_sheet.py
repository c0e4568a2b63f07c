"""The contact sheet: what lies where, in which colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data.checks.sheet import CELL, GAP, HATCH, LINE, contact_sheet, number_range, write_sheet
from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.errors import UserError
from benchmark.tasks import make_task

HEIGHT, WIDTH = 30, 40
TASKS = (make_task("semseg", classes=("wall", "floor")), make_task("depth"), make_task("normals"))
ROW = LINE + CELL * HEIGHT // WIDTH + GAP


class Samples:
    """Flat images, image n in grey n; its labels are of class 1, flat and towards the viewer."""

    def __init__(self, count: int, *, labelled: bool = True) -> None:
        self.ids, self.labelled = tuple(f"image-{number}" for number in range(count)), labelled

    def __getitem__(self, position: int) -> Sample:
        normals = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        normals[..., 2] = 1
        labels = {
            "semseg": np.ones((HEIGHT, WIDTH), np.uint8),
            "depth": np.full((HEIGHT, WIDTH), np.nan, np.float32),
            "normals": normals,
        }
        image = np.full((HEIGHT, WIDTH, 3), 10 * position, np.uint8)
        return Sample(image, labels if self.labelled else {})


def dataset(count: int = 9, **options: Any) -> MultiTaskDataset:
    return MultiTaskDataset("mine", TASKS, Samples(count, **options), Samples(2), "")


def middle(sheet: Image.Image, row: int, column: int) -> tuple[int, ...]:
    """The colour in the middle of a cell."""
    top = GAP + LINE + GAP + row * ROW + LINE
    left = GAP + column * (CELL + GAP)
    colour = sheet.getpixel((left + CELL // 2, top + CELL * HEIGHT // WIDTH // 2))
    assert isinstance(colour, tuple)
    return colour


def test_rows_are_spaced_evenly_through_the_split() -> None:
    sheet = contact_sheet(dataset(), count=3)
    assert [middle(sheet, row, 0)[0] for row in range(3)] == [0, 40, 80]
    assert sheet.width == GAP + 4 * (CELL + GAP)


def test_columns_are_coloured_by_their_task() -> None:
    sheet = contact_sheet(dataset(), count=1)
    for column, task in enumerate(TASKS, start=1):
        colour = task.colour(Samples(1)[0].labels[task.name])[0, 0]
        assert middle(sheet, 0, column) == tuple(colour.tolist())


def test_numbers_have_their_range_beside_them() -> None:
    assert number_range(np.array([[0.714, np.nan, 9.25]], np.float32)) == "0.714 (bright) to 9.25 (dark)"
    assert number_range(np.full((2, 2), np.nan, np.float32)) == "nothing measured"

    def caption(column: int) -> Image.Image:
        left, top = GAP + column * (CELL + GAP), GAP + LINE + GAP
        return contact_sheet(dataset(), count=1).crop((left, top, left + CELL, top + LINE))

    assert len(caption(2).getcolors() or ()) > 1, "depth has a range"
    assert len(caption(1).getcolors() or ()) == 1, "classes have a legend"


def test_split_and_count() -> None:
    assert contact_sheet(dataset(), "val", 8).height == contact_sheet(dataset(), count=2).height
    with pytest.raises(UserError, match="no split 'test'"):
        contact_sheet(dataset(), "test")
    with pytest.raises(UserError, match="at least one image"):
        contact_sheet(dataset(), count=0)
    with pytest.raises(UserError, match="at least one image"):
        contact_sheet(dataset(0))


def test_unlabelled_is_hatched() -> None:
    sheet = contact_sheet(dataset(labelled=False), count=1)
    left, top = GAP + CELL + GAP, GAP + LINE + GAP + LINE
    cell = sheet.crop((left, top, left + CELL, top + CELL * HEIGHT // WIDTH))
    assert HATCH in {colour for _, colour in cell.getcolors(10_000) or ()}


def test_the_legend_shows_every_class_colour() -> None:
    data = dataset(labelled=False)
    shown = {colour for _, colour in contact_sheet(data, count=1).getcolors(100_000) or ()}
    colours = TASKS[0].colour(np.array([[0, 1]], np.uint8))[0]
    assert {tuple(colour) for colour in colours.tolist()} <= shown


def test_many_classes_and_long_names_stay_on_the_sheet() -> None:
    names = tuple(f"{'very ' * 30}long name {number} <b>&é" for number in range(40))
    split = Samples(1)
    split.ids = ("x" * 500,)
    data = MultiTaskDataset("mine", (make_task("semseg", classes=names),), split, split, "")
    sheet = contact_sheet(data)
    assert sheet.width == GAP + 2 * (CELL + GAP)
    assert sheet.height > 20 * LINE


def test_writes_a_picture(tmp_path: Path) -> None:
    path = write_sheet(dataset(), tmp_path / "a sheet.png", count=2)
    with Image.open(path) as written:
        np.testing.assert_array_equal(np.asarray(written), np.asarray(contact_sheet(dataset(), count=2)))


@pytest.mark.parametrize("name", ["sheet.gif", "sheet", "missing/sheet.png"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="Sheet ") as caught:
        write_sheet(dataset(), tmp_path / name)
    assert repr(str(tmp_path / name)) in str(caught.value)
