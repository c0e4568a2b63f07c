"""A picture of a data set: one row an image, one column a task."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmark.data.checks.check import evenly
from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.tasks.task import Task

CELL = 240  # width of a picture in pixels
GAP = 8
LINE = 20
INK, PAPER, HATCH = (32, 32, 32), (255, 255, 255), (150, 150, 150)


def contact_sheet(dataset: MultiTaskDataset, split: str = "train", count: int = 8) -> Image.Image:
    """``count`` evenly spaced images of a split beside their coloured labels; hatched where unlabelled.

    Raises UserError for another split than train and val, a count below one and an empty split.
    """
    samples = _samples(dataset, split, count)
    rows = [_row(image_id, sample, dataset.tasks) for image_id, sample in samples]
    titles = ["image", *(f"{task.name} ({task.kind})" for task in dataset.tasks)]
    width = GAP + (CELL + GAP) * len(titles)
    header = _text_line([_fitted(title, CELL) for title in titles])
    legends = [_legend(task, width) for task in dataset.tasks if task.kind == "categorical"]
    return _stacked([header, *rows, *legends], width)


def write_sheet(dataset: MultiTaskDataset, path: Path, split: str = "train", count: int = 8) -> Path:
    """Draw the contact sheet into ``path``, a picture file whose folder exists. Raises UserError."""
    # Before anything is decoded: Pillow would say it after all images are drawn.
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"Sheet {str(path)!r} should end in .png, .jpg or .webp.")
    sheet = contact_sheet(dataset, split, count)
    try:
        sheet.save(path)
    except OSError as error:
        raise UserError(f"Sheet {str(path)!r} cannot be written: {error.strerror or error}.") from None
    return path


def _samples(dataset: MultiTaskDataset, split: str, count: int) -> list[tuple[str, Sample]]:
    chosen = {"train": dataset.train, "val": dataset.val}.get(split)
    if chosen is None:
        raise UserError(f"There is no split {split!r}; there are train and val.")
    if count < 1 or not chosen.ids:
        raise UserError(f"A sheet needs at least one image, and {count} of {len(chosen.ids)} were asked for.")
    return [(chosen.ids[position], chosen[position]) for position in evenly(len(chosen.ids), count)]


def _row(image_id: str, sample: Sample, tasks: tuple[Task, ...]) -> Image.Image:
    height = max(1, round(CELL * sample.image.shape[0] / sample.image.shape[1]))
    row = Image.new("RGB", (GAP + (CELL + GAP) * (1 + len(tasks)), LINE + height), PAPER)
    ImageDraw.Draw(row).text((GAP, 2), _fitted(image_id, CELL), INK, _font())
    row.paste(_scaled(sample.image, height, Image.Resampling.BILINEAR), (GAP, LINE))
    for column, task in enumerate(tasks, start=1):
        label, left = sample.labels.get(task.name), GAP + column * (CELL + GAP)
        row.paste(_cell(task, label, height), (left, LINE))
        if task.kind == "scalar" and label is not None:
            ImageDraw.Draw(row).text((left, 2), _fitted(number_range(label), CELL), INK, _font())
    return row


def number_range(label: NDArray[Any]) -> str:
    """What the colours of a map of numbers go from and to: each map has its own."""
    numbers = label[np.isfinite(label)]
    if not numbers.size:
        return "nothing measured"
    return f"{numbers.min():.3g} (bright) to {numbers.max():.3g} (dark)"


def _cell(task: Task, label: NDArray[Any] | None, height: int) -> Image.Image:
    if label is None:
        return _hatched(height)
    # Nearest: a mixture of two classes' colours is a third class's, or none's.
    return _scaled(task.colour(label), height, Image.Resampling.NEAREST)


def _scaled(picture: NDArray[np.uint8], height: int, how: Image.Resampling) -> Image.Image:
    return Image.fromarray(picture).resize((CELL, height), how)


def _hatched(height: int) -> Image.Image:
    cell = Image.new("RGB", (CELL, height), (225, 225, 225))
    draw = ImageDraw.Draw(cell)
    for left in range(-height, CELL, 12):
        draw.line((left, height, left + height, 0), HATCH)
    draw.text(
        (CELL // 2, height // 2), "no label", INK, _font(), anchor="mm", stroke_width=3, stroke_fill=PAPER
    )
    return cell


def _text_line(titles: list[str]) -> Image.Image:
    line = Image.new("RGB", (GAP + (CELL + GAP) * len(titles), LINE), PAPER)
    for column, title in enumerate(titles):
        ImageDraw.Draw(line).text((GAP + column * (CELL + GAP), 2), title, INK, _font())
    return line


def _legend(task: Task, width: int) -> Image.Image:
    """The colour of every class, in as many lines as it takes."""
    title = _fitted(f"{task.name} (black: ignored):", CELL)
    names = [_fitted(name, CELL) for name in task.classes]
    places = _flowed([title, *names], width)
    colours = task.colour(np.arange(len(names), dtype=np.uint8)[None])[0].tolist()
    legend = Image.new("RGB", (width, places[-1][1] + LINE), PAPER)
    draw = ImageDraw.Draw(legend)
    draw.text(places[0], title, INK, _font())
    for name, colour, (left, top) in zip(names, colours, places[1:], strict=True):
        draw.rectangle((left, top + 3, left + 11, top + 14), tuple(colour), INK)
        draw.text((left + 16, top), name, INK, _font())
    return legend


def _flowed(texts: list[str], width: int) -> list[tuple[int, int]]:
    """Where each text goes, left to right and line by line."""
    places, left, top = [], GAP, 0
    for text in texts:
        step = 16 + GAP + math.ceil(_font().getlength(text))
        if left + step > width and left > GAP:
            left, top = GAP, top + LINE
        places.append((left, top))
        left += step
    return places


def _stacked(parts: list[Image.Image], width: int) -> Image.Image:
    height = GAP + sum(part.height + GAP for part in parts)
    sheet = Image.new("RGB", (width, height), PAPER)
    top = GAP
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height + GAP
    return sheet


@cache
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    # Pillow's own: no machine need have any other.
    return ImageFont.load_default(13)


def _fitted(text: str, width: int) -> str:
    """The text, its middle cut out if it is too wide."""
    for keep in range(len(text), 3, -1):
        # Its middle goes: ids mostly differ at the end, and begin with what they are.
        shown = text if keep == len(text) else f"{text[: keep // 2]}...{text[-(keep // 2) :]}"
        if _font().getlength(shown) <= width:
            return shown
    return text[:3]
