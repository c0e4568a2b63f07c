"""Looks at every sample of a data set and says what is there and what is wrong."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from benchmark.data.checks.label_statistics import Tally, TaskReport, described, tally_of
from benchmark.data.checks.misread_labels import doubts
from benchmark.data.dataset import Coding, MultiTaskDataset, Sample, Split
from benchmark.data.problems import Problems
from benchmark.data.roots import Root
from benchmark.errors import UserError
from benchmark.words import counted

# Images of a split that a quick look takes; and images decoded at once.
QUICK = 32
BLOCK = 32


@dataclass(frozen=True)
class SplitReport:
    """One split: its images, how many of them were looked at, their sizes and types, its tasks."""

    images: int
    checked: int
    sizes: Mapping[str, int]
    tasks: Mapping[str, TaskReport]


@dataclass(frozen=True)
class CheckReport:
    """What is there and what is wrong; ``ok`` if nothing is. ``fatal`` are the problems that no run accepts,
    ``warnings`` those that it says.
    """

    name: str
    digest: str
    facts: Mapping[str, Any]
    splits: Mapping[str, SplitReport]
    problems: tuple[str, ...]
    fatal: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    origin: Root | None = None

    @property
    def ok(self) -> bool:
        """No problem found."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """The report as ``mtal data check --json`` gives it."""
        return {"ok": self.ok} | {field.name: getattr(self, field.name) for field in fields(self)}

    def text(self) -> str:
        """The report as plain text."""
        lines = [
            f"{self.name}, digest {self.digest}",
            *([f"  data: {self.origin}"] if self.origin else []),
            *(f"  {key}: {_fact(fact)}" for key, fact in self.facts.items()),
        ]
        for name, split in self.splits.items():
            lines += ["", *_split_lines(name, split)]
        lines += [
            "",
            "No problems found." if self.ok else "Problems:",
            *(f"  {line}" for line in self.problems),
        ]
        return "\n".join(lines)

    __str__ = text


def check_dataset(dataset: MultiTaskDataset, *, quick: bool = False) -> CheckReport:
    """Hold every sample against ``Sample``'s formats and all labels together against ``rules``.

    ``quick``: at most 32 evenly spaced ones a split.

    It raises nothing for a broken data set: what a split raises as UserError is a problem like the others.
    """
    problems = Problems()
    for finding in dataset.findings:
        problems.take(finding)
    splits = {
        name: _check_split(name, split, dataset, problems, quick)
        for name, split in (("train", dataset.train), ("val", dataset.val))
    }
    _check_overlap(dataset, splits, problems)
    return CheckReport(
        dataset.name,
        dataset.digest,
        dataset.facts,
        {name: looked.report for name, looked in splits.items()},
        problems.lines(),
        problems.lines(fatal=True),
        problems.lines(fatal=False),
        dataset.origin,
    )


@dataclass(frozen=True)
class _Looked:
    report: SplitReport
    pictures: Mapping[bytes, str]  # digest of an image's pixels -> its id


def evenly(total: int, count: int) -> list[int]:
    """``count`` positions (or all) evenly spaced through 0 .. total - 1, first and last among them."""
    return sorted(set(np.linspace(0, total - 1, min(total, count)).round().astype(int).tolist()))


def _check_split(
    name: str, split: Split, dataset: MultiTaskDataset, problems: Problems, quick: bool
) -> _Looked:
    sizes: Counter[str] = Counter()
    pictures: dict[bytes, str] = {}
    tallies = {task.name: tally_of(task, dataset.codings.get(task.name, Coding())) for task in dataset.tasks}
    positions = evenly(len(split.ids), QUICK if quick else len(split.ids))
    for where, sample in _samples(name, split, positions, problems):
        # One pass: a data set may take minutes to decode, so all that is asked of a sample is asked at
        # once.
        sizes[described(sample.image)] += 1
        # By pixels and not by files, which may be written twice with other bytes.
        pictures.setdefault(hashlib.sha256(sample.image.tobytes()).digest(), where)
        _check_sample(where, sample, tallies, problems)
    _check_ids(name, split, problems)
    if positions and sizes.total() == len(positions):  # else what is missing has been named already
        # Rules over all labels, which some missing ones would make wrong.
        for tally in tallies.values():
            for finding in doubts(name, tally):
                problems.take(finding)
    reports = {task: tally.report() for task, tally in tallies.items()}
    return _Looked(SplitReport(len(split.ids), len(positions), sizes, reports), pictures)


def _samples(
    name: str, split: Split, positions: list[int], problems: Problems
) -> Iterator[tuple[str, Sample]]:
    """The samples in order, decoded by threads, a few at a time."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            for position, found in zip(block, threads.map(partial(_sample, split), block), strict=True):
                where = f"{name} image {split.ids[position]!r}"
                # Raised it would end the pass: one broken file is to be told with all others.
                if isinstance(found, UserError):
                    problems.add(_gist(str(found)), f"{where}: {found}")
                else:
                    yield where, found


def _sample(split: Split, position: int) -> Sample | UserError:
    try:
        return split[position]
    except UserError as error:
        return error


def _gist(sentence: str) -> str:
    """A sentence without names and numbers, so that many of one kind do not hide one of another."""
    return " ".join(re.sub(r"(['\"]).*?\1|[^A-Za-z ]", " ", sentence).split())


def _check_sample(where: str, sample: Sample, tallies: Mapping[str, Tally], problems: Problems) -> None:
    image = sample.image
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        problems.add("image", f"{where} is {described(image)}, and should be H x W x 3 of uint8.")
    # A data set of somebody's own may hand out labels that it has not declared.
    for task in sample.labels.keys() - tallies.keys():
        problems.add("unknown task", f"{where} has a label of {task!r}, which is no task of this data set.")
    for name, tally in tallies.items():
        if name in sample.labels:
            for rule, text in tally.add(sample.labels[name], image.shape[:2]):
                problems.add(f"{name} {rule}", f"{where}: its {name} label {text}.")


def _check_ids(name: str, split: Split, problems: Problems) -> None:
    if not split.ids:
        problems.add("empty", f"Split {name} is empty.")
    for image_id, count in Counter(split.ids).items():
        if count > 1:
            problems.add(
                "duplicate", f"Id {image_id!r} is {count} times in {name}, and should be there once."
            )


def _check_overlap(dataset: MultiTaskDataset, splits: Mapping[str, _Looked], problems: Problems) -> None:
    for image_id in sorted(set(dataset.train.ids) & set(dataset.val.ids)):
        problems.add("overlap", f"Id {image_id!r} is in train and in val; val images are never trained on.")
    train, val = splits["train"].pictures, splits["val"].pictures
    for picture in sorted(train.keys() & val.keys(), key=lambda digest: val[digest]):
        text = f"{val[picture]} holds the same pixels as {train[picture]}; keep one."
        # Said, not refused: which of the two is to be left out, nobody here can know.
        problems.add("same", text, fatal=False)


def _fact(fact: Any) -> str:
    if not isinstance(fact, Mapping):
        return str(fact)
    return ", ".join(
        f"{key} ({_fact(value)})" if isinstance(value, Mapping) else f"{key} {value}"
        for key, value in fact.items()
    )


def _split_lines(name: str, split: SplitReport) -> list[str]:
    looked = "" if split.checked == split.images else f" ({split.checked} looked at)"
    sizes = ", ".join(f"{size} ({count})" for size, count in split.sizes.items())
    lines = [f"{name}: {split.images} images{looked}: {sizes}"]
    for task, report in split.tasks.items():
        labelled = report.labelled / max(split.checked, 1)
        lines.append(
            f"  {task}: {labelled:.1%} of images labelled, {report.valid_share:.1%} of their pixels valid"
        )
        lines += [f"      {_value(key, report):>10}  {key}{_shown(key, report)}" for key in report.values]
    return lines


def _value(key: str, report: TaskReport) -> str:
    """A number in four places; a class that is rare in more, and one that is absent in a word."""
    value = report.values[key]
    if key in report.shown and value < 1e-3:
        return f"{value:.1e}" if value else "absent"
    return f"{value:.4f}"


def _shown(key: str, report: TaskReport) -> str:
    count = report.shown.get(key, 0)
    return f", in {counted(count, 'image')}" if count else ""
