"""The report on a data set: right figures for a sound one, a named problem for every kind of fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from benchmark.data.checks.check import QUICK, check_dataset, evenly
from benchmark.data.dataset import MultiTaskDataset, Sample
from benchmark.data.problems import Problems
from benchmark.errors import UserError
from benchmark.tasks import make_task

HEIGHT, WIDTH = 6, 8
TASKS = (
    make_task("semseg", classes=("wall", "floor")),
    make_task("edge"),
    make_task("depth"),
    make_task("normals"),
)


class Samples:
    """A split in memory that counts how often it is asked."""

    def __init__(self, samples: Sequence[Sample], ids: Sequence[str]) -> None:
        self.samples, self.ids, self.asked = samples, tuple(ids), 0

    def __getitem__(self, position: int) -> Sample:
        self.asked += 1
        return self.samples[position]


def sample(seed: int, **labels: Any) -> Sample:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(HEIGHT, WIDTH, 3))
    sound = {
        "semseg": rng.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8),
        "edge": rng.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8),
        "depth": rng.uniform(1, 5, (HEIGHT, WIDTH)).astype(np.float32),
        "normals": (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32),
    }
    chosen = {name: label for name, label in (sound | labels).items() if label is not None}
    return Sample(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), chosen)


def dataset(
    train: Sequence[Sample],
    val: Sequence[Sample] | None = None,
    train_ids: Sequence[str] | None = None,
    val_ids: Sequence[str] | None = None,
) -> Any:
    val = [sample(1000)] if val is None else val
    train_ids = train_ids or [f"t{number}" for number in range(len(train))]
    val_ids = val_ids or [f"v{number}" for number in range(len(val))]
    return MultiTaskDataset(
        "mine", TASKS, Samples(train, train_ids), Samples(val, val_ids), "d1935", {"layout": "memory"}
    )


def test_figures_of_a_sound_data_set() -> None:
    semseg = np.zeros((HEIGHT, WIDTH), np.uint8)
    semseg[:3], semseg[3, :4] = 1, 255
    depth = np.full((HEIGHT, WIDTH), 2, np.float32)
    depth[0, 0], depth[0, 1:] = 4, np.nan
    normals = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    normals[:3, :4, 2] = normals[:3, 4:, 0] = 1
    report = check_dataset(
        dataset(
            [sample(0, semseg=semseg, depth=depth, normals=normals), sample(1, semseg=None, normals=None)]
        )
    )
    assert report.ok
    train = report.splits["train"]
    assert (train.images, train.checked, train.sizes) == (2, 2, {"6 x 8 x 3 uint8": 2})
    assert train.tasks["semseg"].labelled == 1
    assert train.tasks["semseg"].valid_share == 44 / 48
    assert train.tasks["semseg"].values == {"wall": 20 / 44, "floor": 24 / 44}
    assert train.tasks["normals"].valid_share == 0.5
    assert train.tasks["normals"].values == {"mean x": 0.5, "mean y": 0, "mean z": 0.5}
    both = np.concatenate([depth.ravel(), sample(1).labels["depth"].ravel()])
    assert train.tasks["depth"].valid_share == np.isfinite(both).mean()
    assert train.tasks["depth"].values == pytest.approx(
        {"min": np.nanmin(both), "mean": np.nanmean(both), "max": np.nanmax(both)}
    )


def test_the_text_says_it_all() -> None:
    report = check_dataset(dataset([sample(0), sample(1, semseg=None)]))
    text = report.text()
    assert str(report) == text
    for part in ("mine, digest d1935", "layout: memory", "train: 2 images", "val: 1 images", "floor"):
        assert part in text
    assert "semseg: 50.0% of images labelled" in text
    assert text.endswith("No problems found.")


def test_a_rare_class_is_told_from_an_absent_one() -> None:
    rare = np.zeros((500, 500), np.uint8)
    rare[0, 0] = 1
    image = np.zeros((500, 500, 3), np.uint8)
    classes = make_task("semseg", classes=("wall", "floor", "door"))
    samples = [Sample(image + number, {"semseg": rare if number else rare * 0}) for number in range(2)]
    train = Samples(samples[:2], ("a", "b"))
    text = check_dataset(MultiTaskDataset("mine", (classes,), train, Samples(samples[:1], ("c",)), "")).text()
    train_lines = text.partition("val: ")[0]
    assert re.search(r"1\.0000  wall, in 2 images\n", train_lines)
    assert re.search(r"2\.0e-06  floor, in 1 image\n", train_lines)
    assert re.search(r"absent  door\n", train_lines)


def test_a_task_without_any_label() -> None:
    report = check_dataset(dataset([sample(0, depth=None)]))
    depth = report.splits["train"].tasks["depth"]
    assert (depth.labelled, dict(depth.values)) == (0, {})
    assert np.isnan(depth.valid_share)


def altered(name: str, change: Callable[[np.ndarray[Any, Any]], Any]) -> dict[str, Any]:
    label = sample(0).labels[name].copy()
    changed = change(label)
    return {name: label if changed is None else changed}


def put(value: Any) -> Callable[[np.ndarray[Any, Any]], Any]:
    def change(label: np.ndarray[Any, Any]) -> None:
        label[1, 2] = value

    return change


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (altered("semseg", put(2)), "its semseg label holds [2], and should hold 0..1 and 255"),
        (altered("edge", put(254)), "its edge label holds [254]"),
        (altered("depth", put(np.inf)), "its depth label holds infinite numbers"),
        (altered("normals", put(np.nan)), "its normals label holds NaN"),
        (altered("normals", put(2.0)), "its normals label holds vectors whose length is off 1 by up to 2.46"),
        (
            altered("semseg", lambda label: label.astype(np.int64)),
            "is 6 x 8 int64, and should be 6 x 8 of uint8",
        ),
        (altered("depth", lambda label: label[:5]), "is 5 x 8 float32, and should be 6 x 8 of float32"),
        (altered("normals", lambda label: label[..., 0]), "and should be 6 x 8 x 3 of float32"),
        ({"albedo": np.zeros((HEIGHT, WIDTH))}, "has a label of 'albedo', which is no task"),
    ],
)
def test_faulty_labels_are_named(labels: dict[str, Any], expected: str) -> None:
    (problem,) = check_dataset(dataset([sample(1), sample(0, **labels)])).problems
    assert problem.startswith("train image 't1'")
    assert expected in problem


def test_faulty_images_are_named() -> None:
    good = sample(0)
    report = check_dataset(dataset([Sample(good.image.astype(np.float32), good.labels)]))
    assert report.problems == ("train image 't0' is 6 x 8 x 3 float32, and should be H x W x 3 of uint8.",)


def test_ids_and_pictures_that_occur_twice() -> None:
    report = check_dataset(dataset([sample(0), sample(1)], [sample(0), sample(2)], "aa", "ba"))
    text = "\n".join(report.problems)
    assert "Id 'a' is 2 times in train" in text
    assert "Id 'a' is in train and in val" in text
    assert "val image 'b' holds the same pixels as train image 'a'" in text


def test_an_empty_split() -> None:
    assert check_dataset(dataset([sample(0)], [])).problems == ("Split val is empty.",)


def test_what_a_split_raises_is_a_problem() -> None:
    class Broken(Samples):
        def __getitem__(self, position: int) -> Sample:
            raise UserError("'x.png' cannot be read.")

    broken = MultiTaskDataset("mine", TASKS, Broken([], "a"), Samples([sample(0)], "b"), "")
    assert check_dataset(broken).problems == ("train image 'a': 'x.png' cannot be read.",)


def test_many_of_one_kind_do_not_hide_one_of_another() -> None:
    class Broken(Samples):
        def __getitem__(self, position: int) -> Sample:
            wrong = "is damaged" if position == 12 else f"holds {position}, and semseg has classes 0..3"
            raise UserError(f"'{position}/{position}.png' {wrong}.")

    ids = [f"a{number}" for number in range(13)]
    problems = check_dataset(MultiTaskDataset("mine", TASKS, Broken([], ids), Samples([sample(0)], "b"), ""))
    assert len(problems.problems) == 12
    assert problems.problems[10:] == (
        "... and 2 more like these.",
        "train image 'a12': '12/12.png' is damaged.",
    )


@pytest.mark.parametrize(("scale", "found"), [(1, 0), (0.1, 0), (1000, 1), (-1, 1)])
def test_depth_that_cannot_be_metres(scale: float, found: int) -> None:
    depth = sample(0).labels["depth"] * np.float32(scale)
    depth[0] = np.nan
    problems = check_dataset(dataset([sample(1), sample(0, depth=depth)])).problems
    assert len(problems) == found
    assert all(
        "train image 't1': its depth label has a" in problem and "metres" in problem for problem in problems
    )


def test_other_numbers_may_be_negative_and_large() -> None:
    height = make_task("height", "scalar")
    metres = [sample(seed).labels["depth"] for seed in (0, 1)]
    samples = [Sample(sample(seed).image, {"height": metres[seed] * 1000 - 3000}) for seed in (0, 1)]
    data = MultiTaskDataset("mine", (height,), Samples(samples[:1], "a"), Samples(samples[1:], "b"), "")
    assert check_dataset(data).ok


def test_quick_looks_at_some_only() -> None:
    data = dataset([sample(seed) for seed in range(QUICK + 9)])
    report = check_dataset(data, quick=True)
    assert data.train.asked == report.splits["train"].checked == QUICK
    assert report.splits["train"].images == QUICK + 9
    assert f"({QUICK} looked at)" in report.text()


@pytest.mark.parametrize(("total", "count"), [(0, 5), (1, 5), (5, 5), (367, 8), (33, 32), (9, 1)])
def test_evenly_spaced(total: int, count: int) -> None:
    positions = evenly(total, count)
    assert len(positions) == len(set(positions)) == min(total, count)
    assert all(0 <= position < total for position in positions)
    if 1 < count <= total:
        assert (positions[0], positions[-1]) == (0, total - 1)
        assert np.ptp(np.diff(positions)) <= 1


def test_problems_are_cut_per_rule() -> None:
    problems = Problems()
    for number in range(12):
        problems.add("many", f"m{number}")
    problems.add("one", "single")
    assert len(problems) == 13
    assert problems.lines() == (*(f"m{n}" for n in range(10)), "... and 2 more like these.", "single")
