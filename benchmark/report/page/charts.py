"""Curves as the coordinates of an SVG drawing; how they look is in the style sheet."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from benchmark.report.drawing.axis_range import Window, said, window
from benchmark.report.drawing.curve_panels import with_drawn, with_means
from benchmark.report.drawing.emphasis import Emphasis
from benchmark.report.drawing.legend import spread_in_words
from benchmark.report.formats.numbers import decimals, head
from benchmark.report.formats.table import MISSING, fewer_seeds
from benchmark.report.page.axes import Axes, Frame, Tick, axes_of
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS, total_loss
from benchmark.report.results.metrics import PLAIN, Metrics, in_order
from benchmark.report.statistics.intervals import summarise

#: Of the drawing, in its own units; the page scales it.
LARGE, SMALL = Frame(640, 360, left=66), Frame(400, 270)


class Point(NamedTuple):
    """A strategy at a budget: mean over its seeds and 95 % limits, NaN with one seed."""

    strategy: str
    labelled: int
    share: float
    seeds: int
    mean: float
    low: float
    high: float


#: Points by strategy, from few labels to many.
Curves = Mapping[str, Sequence[Point]]
#: What a strategy is called, by its name.
Label = Callable[[str], str]


@dataclass(frozen=True)
class Series:
    """One strategy's curve; ``line`` and ``band`` are points of a polyline and of a polygon."""

    number: int
    line: str
    #: Empty without an interval that is shown.
    band: str
    #: Polylines of single seeds, where there are few.
    seeds: Sequence[str]


@dataclass(frozen=True)
class Level:
    """The network trained on everything: its height and the edges of its interval, None for one seed."""

    y: str
    top: str | None
    height: str | None


@dataclass(frozen=True)
class Numbers:
    """What a drawing shows, as a table: a row a strategy, a cell a budget."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Chart:
    """One metric of one task over labelled images."""

    task: str
    title: str
    note: str
    #: The drawing in words.
    words: str
    frame: Frame
    #: The mean of the shared first budget and where it stands, if that is beyond the axes.
    beyond: tuple[str, str, str] | None
    x: Sequence[Tick]
    y: Sequence[Tick]
    series: Sequence[Series]
    full: Level | None
    numbers: Numbers
    #: What budgets are shares of.
    axis: str = "Labelled images (%)"


def total_chart(
    rows: pd.DataFrame, numbers: Mapping[str, int], pool: int, shown: Emphasis, label: Label = str
) -> Chart:
    """The headline: the total loss of one data set; ``numbers`` gives each strategy's number."""
    headline = total_loss(rows).dropna(subset="value")
    return _chart(headline, TOTAL_LOSS[0], "Total validation loss", LARGE, numbers, pool, shown, label)


def task_charts(
    rows: pd.DataFrame,
    numbers: Mapping[str, int],
    pool: int,
    shown: Emphasis,
    label: Label = str,
    metrics: Metrics = PLAIN,
) -> Iterator[Chart]:
    """One chart a task and metric of one data set, tasks by name, metrics in their fixed order."""
    for task, part in rows[rows["task"] != TOTAL_LOSS[0]].dropna(subset="value").groupby("task"):
        for name in in_order(set(part["metric"])):
            title = f"{task}: {metrics[name].label}{metrics[name].arrow}"
            yield _chart(part[part["metric"] == name], str(task), title, SMALL, numbers, pool, shown, label)


def _chart(
    rows: pd.DataFrame,
    task: str,
    title: str,
    frame: Frame,
    numbers: Mapping[str, int],
    pool: int,
    shown: Emphasis,
    label: Label,
) -> Chart:
    """``rows`` are of one metric, without missing values; drawn as the figures do."""
    seeds, curves = int(rows["seed"].nunique()), _curves(rows)
    drawn = with_drawn(with_means(rows), shown)
    part, full = window(drawn), curves.get(FULL_DATA)
    learned = {name: points for name, points in curves.items() if name != FULL_DATA}
    shares = {point.share for points in learned.values() for point in points}
    axes = axes_of(frame, shares, part.values)
    note = _note(rows, [shown.words, *said([drawn])])
    what = dict(zip(drawn["strategy"], drawn["drawn"], strict=True))
    return Chart(
        task=task,
        title=title,
        note=note,
        words=f"{title}. {note} {_words(curves, label)}",
        frame=frame,
        beyond=_beyond(axes, part),
        x=axes.budgets(shares),
        y=axes.levels(),
        series=[_series(axes, numbers[n], points, what[n], rows) for n, points in learned.items()],
        full=_level(axes, full[0], what[FULL_DATA] == "interval") if full else None,
        numbers=_numbers(curves, seeds, pool, label),
    )


def _curves(rows: pd.DataFrame) -> Curves:
    curves: dict[str, list[Point]] = defaultdict(list)
    for row in summarise(rows).sort_values("share").itertuples(index=False):
        point = Point(str(row.strategy), row.labelled, row.share, row.seeds, row.mean, row.low, row.high)
        curves[str(row.strategy)].append(point)
    return dict(sorted(curves.items()))


def _note(rows: pd.DataFrame, more: Sequence[str]) -> str:
    said = "; ".join(filter(None, (spread_in_words(rows), *more)))
    return f"{said[0].upper()}{said[1:]}."


def _beyond(axes: Axes, part: Window) -> tuple[str, str, str] | None:
    """What stands at the edge of the drawing, and where."""
    if part.beyond is None:
        return None
    percent, mean = part.beyond
    up = mean > max(part.values)
    height = axes.frame.top + 12 if up else axes.frame.floor - 4
    return f"{mean:.3g} {'↑' if up else '↓'}", f"{axes.x(percent / 100) + 6:.1f}", f"{height}"


def _series(axes: Axes, number: int, points: Sequence[Point], what: str, rows: pd.DataFrame) -> Series:
    """A curve with its interval, its seeds, or neither, as ``what`` says."""
    band = [point for point in points if what == "interval" and not math.isnan(point.low)]
    upper = [axes.point(point.share, point.high) for point in band]
    lower = [axes.point(point.share, point.low) for point in reversed(band)]
    return Series(
        number=number,
        line=" ".join(axes.point(point.share, point.mean) for point in points),
        band=" ".join(upper + lower),
        seeds=_lines(axes, rows[rows["strategy"] == points[0].strategy]) if what == "seeds" else (),
    )


def _lines(axes: Axes, rows: pd.DataFrame) -> list[str]:
    """A polyline a seed."""
    return [
        " ".join(axes.point(*one) for one in curve[["share", "value"]].to_numpy().tolist())
        for _, curve in rows.sort_values("share").groupby("seed")
    ]


def _level(axes: Axes, point: Point, spread: bool) -> Level:
    if math.isnan(point.low) or not spread:
        return Level(f"{axes.y(point.mean):.1f}", None, None)
    top, bottom = axes.y(point.high), axes.y(point.low)
    return Level(f"{axes.y(point.mean):.1f}", f"{top:.1f}", f"{bottom - top:.1f}")


def _words(curves: Curves, label: Label) -> str:
    """Where every curve begins and ends."""
    said = []
    for name, points in curves.items():
        ends = dict.fromkeys((points[0], points[-1]))
        values = [f"{point.mean:.4g} at {100 * point.share:.3g} %" for point in ends]
        said.append(f"{label(name)}: {' to '.join(values)}")
    return "; ".join(said) + "."


def _numbers(curves: Curves, seeds: int, pool: int, label: Label) -> Numbers:
    learned = {point.labelled for n, points in curves.items() if n != FULL_DATA for point in points}
    sizes = sorted({point.labelled for points in curves.values() for point in points})
    places = decimals(max((abs(point.mean) for points in curves.values() for point in points), default=0))
    rows = []
    for name, points in curves.items():
        gaps = {size: MISSING if size in learned and name != FULL_DATA else "" for size in sizes}
        written = {point.labelled: _cell(point, places, seeds) for point in points}
        rows.append((label(name), list((gaps | written).values())))
    return Numbers([head(size, pool) for size in sizes], rows)


def _cell(point: Point, places: int, seeds: int) -> str:
    spread = "" if math.isnan(point.high) else f" ± {point.high - point.mean:.{places}f}"
    return f"{point.mean:.{places}f}{spread}" + fewer_seeds(point.seeds, seeds)
