"""What the labels of a whole split must hold for a task to be learnt and measured.

Every rule is about a trap that trains without a word: a coding that was assumed and is another one, labels
that say nothing, a number that stands for "nothing there". `mtal data check` and every run apply the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.checks.label_statistics import (
    IGNORE,
    Classes,
    Directions,
    Distances,
    Numbers,
    Tally,
    YesNo,
)
from benchmark.data.problems import Finding

if TYPE_CHECKING:  # tasks import torch
    from benchmark.tasks.task import Task

#: A line is thin: where more than two thirds of the pixels are edges, yes and no are the wrong way round.
MOST_EDGES = 2 / 3
#: A largest number is suspicious from this share of pixels on, where it is so much more frequent than others.
LEAST_TOPS, TIMES_TOPS = 1e-4, 10
#: A yes should be at least so frequent, against pixels of a value that is ignored by default alone.
LEAST_YES = 0.01
_NOTHING: Mapping[str, str] = {
    "categorical": "is ignored",
    "binary": "is ignored",
    "scalar": "is without a measurement",
    "direction": "is without a direction",
}
Doubts = Iterator[Finding]


def doubts(split: str, tally: Tally) -> Doubts:
    """What is wrong with the labels of a task in a split ("train" or "val"), if all of them are counted."""
    task = tally.task
    if not tally.labelled:
        yield _unlabelled(split, task)
    # Most often a value that was taken for ignored and is not.
    elif tally.pixels and not tally.valid:
        yield Finding(
            "nothing valid",
            f"{split}: every pixel of the {tally.labelled} {task.name} labels {_NOTHING[task.kind]}, so that "
            f"{task.name} can be neither learnt nor measured; {_advice(tally)}.",
        )
    elif tally.valid:
        yield from _RULES[type(tally)](split, tally)


def _unlabelled(split: str, task: Task) -> Finding:
    if split == "train":
        return Finding(
            "no label", f"train: no image has a {task.name} label, so that {task.name} cannot be learnt."
        )
    text = (
        f"val: no image has a {task.name} label: {task.name} is not measured, and no part of the total loss."
    )
    return Finding("no label", text, fatal=False)


def _advice(tally: Tally) -> str:
    coding = tally.coding
    if isinstance(tally, YesNo) and coding.ignored is not None and tally.counts[IGNORE]:
        return f"{coding.ignored} is ignored by default: if it means yes, write positive: {coding.ignored}"
    return coding.advice or "look at what its files hold, and at how the data set says that they are read"


def _classes(split: str, tally: Classes) -> Doubts:
    shown = np.flatnonzero(tally.counts[: len(tally.names)])
    if len(shown) == 1:
        text = (
            f"{split}: every valid pixel of the {tally.labelled} {tally.task.name} labels is of one class, "
            f"{tally.names[shown[0]]!r}; {_advice(tally)}."
        )
        # A small validation split may show one class by chance; a pool of one teaches nothing.
        yield Finding("one class", text, fatal=split == "train")


def _yes_or_no(split: str, tally: YesNo) -> Doubts:
    no, yes = tally.counts[:2]
    if not yes:
        ignored = tally.counts[IGNORE] / tally.pixels
        yield Finding(
            "no yes",
            f"{split}: no pixel of the {tally.labelled} {tally.task.name} labels says yes ({ignored:.1%} of "
            f"them are ignored); {_advice(tally)}.",
        )
    elif not no:
        yield Finding(
            "no no",
            f"{split}: no pixel of the {tally.labelled} {tally.task.name} labels says no; {_advice(tally)}.",
        )
    # Only where the user has not said it: an answer is not questioned.
    elif tally.coding.ignored is not None:
        yield from _two_codings(split, tally)
        yield from _few_yes(split, tally)
    yield from _edges(split, tally)


def _two_codings(split: str, tally: YesNo) -> Doubts:
    """Where nobody has said what is ignored, labels may be coded 0 and 1 here, 0 and 255 there."""
    if tally.with_ignored and tally.with_yes and not tally.with_both:
        value = tally.coding.ignored
        yield Finding(
            "two codings",
            f"{split}: {tally.with_yes} {tally.task.name} labels hold a yes and no {value}, "
            f"{tally.with_ignored} hold {value} and no yes, and none holds both: if {value} means yes there, "
            f"write positive: [1, {value}]; if not, write ignore: {value}.",
        )


def _few_yes(split: str, tally: YesNo) -> Doubts:
    """A stray 1 among pixels of 255 is no answer to what 255 means."""
    yes, ignored, value = tally.counts[1], tally.counts[IGNORE], tally.coding.ignored
    if tally.with_both and yes < LEAST_YES * ignored:
        text = (
            f"{split}: {yes} pixels of the {tally.task.name} labels say yes, and {ignored} hold {value}, "
            f"ignored by default: if it means yes, write positive: [1, {value}]; if not, ignore: {value}."
        )
        yield Finding("few yes", text)


def _edges(split: str, tally: YesNo) -> Doubts:
    # Here, for tasks import torch.
    from benchmark.tasks.edge import Edge

    share = tally.counts[1] / tally.valid
    if isinstance(tally.task, Edge) and share > MOST_EDGES:
        text = (
            f"{split}: {share:.0%} of the pixels are {tally.task.name}: are yes and no the wrong way round?"
        )
        yield Finding("inverted", text, fatal=False)


def _numbers(split: str, tally: Numbers) -> Doubts:
    if tally.low == tally.high:
        text = (
            f"{split}: every pixel of the {tally.labelled} {tally.task.name} labels is {tally.low:g}; "
            f"{_advice(tally)}."
        )
        yield Finding("one number", text, fatal=split == "train")
    # A value for "nothing there" is mostly the largest that the file's type holds.
    counts = tally.tops.get(tally.high)
    if counts is not None and _stands_out(tally, *counts.tolist()):
        yield Finding(
            "top",
            f"{split}: {counts[0] / tally.valid:.2%} of the {tally.task.name} pixels are {tally.high:g}, the "
            "largest number that such files hold, which mostly means that nothing was measured: list the "
            "file's value under invalid" + _acknowledged(tally) + ".",
            fatal=isinstance(tally, Distances),
        )


def _stands_out(tally: Numbers, at_top: int, below: int) -> bool:
    """Files of 8 bits have 25 values in the tenth below; those of more have more, and are rarer each."""
    return at_top >= LEAST_TOPS * tally.valid and at_top > TIMES_TOPS * below / 25


def _acknowledged(tally: Numbers) -> str:
    return "" if isinstance(tally, Distances) else ", or write invalid: [] if it is a number like the others"


def _directions(split: str, tally: Directions) -> Doubts:
    # Equal but for rounding: vectors are scaled to length 1.
    if (tally.high - tally.low < 1e-6).all():
        vector = ", ".join(f"{value:.2f}" for value in tally.low)
        text = (
            f"{split}: every vector of the {tally.labelled} {tally.task.name} labels is ({vector}); "
            f"{_advice(tally)}."
        )
        yield Finding("one direction", text, fatal=split == "train")


_RULES: Mapping[type[Tally], Callable[..., Doubts]] = {
    Classes: _classes,
    YesNo: _yes_or_no,
    Numbers: _numbers,
    Distances: _numbers,
    Directions: _directions,
}
