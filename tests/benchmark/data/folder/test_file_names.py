"""Labels whose names are not those of their images, and several annotators of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmark.data.checks.check import check_dataset
from benchmark.data.folder.dataset import open_folder
from benchmark.data.folder.file_names import FileNames
from benchmark.errors import UserError

HEIGHT, WIDTH = 6, 8
IDS = {"train": ("a", "b"), "val": ("c",)}


def save(path: Path, values: np.ndarray[Any, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def constant(value: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.full((HEIGHT, WIDTH), value, dtype)


def halves() -> np.ndarray[Any, Any]:
    return np.repeat([[0, 1]], WIDTH // 2, axis=1).astype(np.uint8).repeat(HEIGHT, 0)


def opened(root: Path, image: dict[str, Any], tasks: dict[str, Any], **fields: Any) -> Any:
    path = root / "data.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "image": image, "tasks": tasks, **fields}))
    return open_folder(path)


def error(*arguments: Any, **fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        opened(*arguments, **fields)
    return str(caught.value)


def picture(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def together(tmp_path: Path) -> Path:
    """All of a split in one folder: a.png, a_mask.png, a.depth.png."""
    for seed, (split, name) in enumerate((split, name) for split, names in IDS.items() for name in names):
        save(tmp_path / split / f"{name}.png", picture(seed))
        save(tmp_path / split / f"{name}_mask.png", halves())
        save(tmp_path / split / f"{name}.depth.png", np.indices((HEIGHT, WIDTH))[1].astype(np.uint16) * 500)
    return tmp_path


IMAGE = {"folder": "{split}", "file": "{id}.png"}
MASK = {"folder": "{split}", "file": "{id}_mask.png", "classes": 2}
DEPTH = {"folder": "{split}", "file": "{id}.depth.png", "scale": 0.001}


def test_names_are_told_apart_in_one_folder(together: Path) -> None:
    dataset = opened(together, IMAGE, {"semseg": MASK, "depth": DEPTH})
    assert dataset.train.ids == ("a", "b")
    np.testing.assert_array_equal(dataset.train[1].labels["semseg"], halves())
    assert dataset.val[0].labels["depth"][0, 1] == pytest.approx(0.5)
    assert check_dataset(dataset).ok


def test_a_missing_or_extra_file_is_named_as_it_should_be_called(together: Path) -> None:
    (together / "train" / "a_mask.png").unlink()
    message = error(together, IMAGE, {"semseg": MASK, "depth": DEPTH})
    assert f"has no semseg label {str(together / 'train' / 'a_mask.png')!r};" in message
    save(together / "train" / "a_mask.png", halves())
    path = save(together / "train" / "z_mask.png", halves())
    assert f"Label {str(path)!r} has no image 'z'" in error(together, IMAGE, {"semseg": MASK, "depth": DEPTH})


def test_a_label_of_another_ending_is_named_by_its_pattern(together: Path) -> None:
    (together / "train" / "a_mask.png").rename(together / "train" / "a_mask.bmp")
    message = error(together, IMAGE, {"semseg": {**MASK, "file": "{id}_mask"}, "depth": DEPTH})
    assert "a_mask.bmp' is there, and is not read (png, npy are)" in message


def test_a_wrong_folder_is_one_sentence_a_split(together: Path) -> None:
    for split in IDS:
        for number in range(30):
            save(together / split / "image" / f"{number}.png", picture(number))
            save(together / split / "labels" / f"{number}_label.png", halves())
    message = error(together, FOLDER, {"semseg": {"folder": "{split}/labels", "classes": 2}})
    assert message.count("\n") == 2
    assert "it holds such as '0_label.png', and should hold such as '0.png'" in message


@pytest.mark.parametrize("pattern", ["mask.png", "{id}{id}.png", "{id}/mask.png"])
def test_a_pattern_that_is_none(together: Path, pattern: str) -> None:
    message = error(together, IMAGE, {"semseg": {**MASK, "file": pattern}})
    assert "tasks.semseg.file" in message
    assert "with {id} in it once" in message


@given(
    st.text("ab.-_é", max_size=4),
    st.text("ab.-_é", max_size=4),
    st.text("ab._-é0", min_size=1, max_size=6),
    st.sampled_from([".png", ".npy", ".PNG", ""]),
)
def test_a_name_is_read_back_to_its_id(before: str, after: str, image_id: str, ending: str) -> None:
    pattern = f"{before}{{id}}{after}{ending}"
    names = FileNames(pattern, (".png", ".npy"))
    path = Path("folder") / names.example(image_id)
    assert names.id_of(path) == image_id
    assert names.reads(path)
    assert not names.reads(path.with_suffix(".gif"))


def annotated(root: Path, drawn: dict[str, dict[str, np.ndarray[Any, Any]]]) -> Path:
    """Images with an edge label by each annotator who has drawn them."""
    for seed, (split, name) in enumerate((split, name) for split, names in IDS.items() for name in names):
        save(root / split / "image" / f"{name}.png", picture(seed))
        for annotator, label in drawn[name].items():
            save(root / split / "edge" / annotator / f"{name}.png", label)
    return root


EDGE = {"folder": "{split}/edge/{annotator}", "annotators": ["ann", "bob", "cy"]}
FOLDER = {"folder": "{split}/image"}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three drew a, two drew b, all c: ann sees the right half, bob nothing, cy everything."""
    labels = {"ann": halves(), "bob": constant(0), "cy": constant(1)}
    drawn = {"a": labels, "b": {k: labels[k] for k in ("ann", "bob")}, "c": labels}
    return annotated(tmp_path, drawn)


@pytest.mark.parametrize(
    ("rule", "all_three", "two"),
    [("any", [1, 1], [0, 1]), ("all", [0, 0], [0, 0]), ("majority", [0, 1], [0, 255])],
)
def test_annotators_agree_by_the_rule_that_was_asked_for(
    three: Path, rule: str, all_three: list[int], two: list[int]
) -> None:
    dataset = opened(three, FOLDER, {"edge": {**EDGE, "combine": rule}})
    for position, expected in enumerate((all_three, two)):
        label = dataset.train[position].labels["edge"]
        assert (label[:, : WIDTH // 2] == expected[0]).all()
        assert (label[:, WIDTH // 2 :] == expected[1]).all()
    assert dataset.facts["labelled"] == {"edge": {"train": 2, "val": 1}}


def test_names_can_hold_the_annotator_too(three: Path) -> None:
    for folder in three.glob("*/edge"):
        for path in folder.glob("*/*.png"):
            path.rename(folder / f"{path.stem}-{path.parent.name}.png")
    edge = {**EDGE, "folder": "{split}/edge", "file": "{id}-{annotator}", "combine": "any"}
    assert opened(three, FOLDER, {"edge": edge}).train[0].labels["edge"].all()


def test_an_image_that_nobody_has_drawn_is_named(three: Path) -> None:
    for path in three.glob("train/edge/*/b.png"):
        path.unlink()
    edge = {**EDGE, "combine": "any"}
    assert "has no edge label" in error(three, FOLDER, {"edge": edge})
    dataset = opened(three, FOLDER, {"edge": {**edge, "partial": True}})
    assert "edge" not in dataset.train[1].labels


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "edge.combine: goes with annotators: how their labels become one (majority, any, all)"),
        ({"combine": "mean"}, "edge.combine: binary labels are combined by majority or any or all"),
        ({"combine": "any", "annotators": ["ann"]}, "two names or more"),
        ({"combine": "any", "annotators": []}, "edge.annotators: goes with {annotator} in folder or file"),
        ({"combine": "any", "folder": "{split}/edge"}, "edge.annotators: goes with {annotator}"),
    ],
)
def test_annotators_that_cannot_be_meant_so(three: Path, fields: dict[str, Any], expected: str) -> None:
    assert expected in error(three, FOLDER, {"edge": {**EDGE, **fields}})


def test_labels_of_two_sizes_of_one_image_are_refused(three: Path) -> None:
    save(three / "train" / "edge" / "bob" / "a.png", constant(0)[:4])
    message = error(three, FOLDER, {"edge": {**EDGE, "combine": "any"}}, size=[12, 16])
    assert "is 4 high, 8 wide, and its image is 6 high, 8 wide" in message
