"""The description of a user's folders: every mistake is named, all at once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data.folder.config import TaskFolder, load_config
from benchmark.data.folder.label_files import as_label
from benchmark.errors import UserError


def config_error(tmp_path: Path, text: str) -> str:
    path = tmp_path / "dataset.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert repr(str(path)) in str(caught.value)
    return str(caught.value)


def test_every_mistake_at_once(tmp_path: Path) -> None:
    error = config_error(
        tmp_path,
        """
colour: red
size: [180]
splits: {train: a, val: a}
image: {folder: image, ending: jpg}
tasks:
  semseg: {folder: semseg, scale: 0.5}
  depth: {folder: depth, classes: 4, scale: -1, kind: binary}
  parts: {folder: parts}
  edge: {folder: edge, positive: [0, 255], positive_weight: 2, flavour: thin}
  saliency: {positive: 1, threshold: 0.5}
  normals: {folder: normals, weight: .nan}
""",
    )
    for field in (
        "name: is missing",
        "colour: is no field; there are name, root, size",
        "size",
        "splits.val: 'a' is the train split too",
        "image.ending: is no field; there are folder",
        "tasks.semseg.scale: is for scalar tasks",
        "tasks.semseg.classes: should be a list of 2 to 255 names",
        "tasks.depth.kind: Task 'depth' is of kind scalar, not 'binary'",
        "tasks.depth.scale",
        "tasks.parts.kind: Task 'parts' needs a kind: one of categorical",
        "tasks.edge.positive: should be values that are neither 0",
        "tasks.edge.positive_weight",
        "tasks.edge.flavour: is no field; there are task, kind, folder, file, annotators, combine",
        "tasks.saliency.folder: is missing",
        "tasks.saliency.positive: threshold already says",
        "tasks.normals.weight",
    ):
        assert f"\n  {field}" in error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file"),
        ("[1, 2]", "the file"),
        ("name: [", "not valid YAML"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("{" * 5000, "not valid YAML"),
        ("name: ../../etc", "name: '../../etc' should be"),
        ("name: 5", "name: should be a valid string, not 5"),
        ("tasks: {}", "tasks: "),
        ("tasks: {semseg: {classes: [on, off], folder: x}}", "tasks.semseg.classes.0: should be a valid"),
        ("tasks: {semseg: {classes: [a, a], folder: x}}", "tasks.semseg.classes: every class"),
        ("tasks: {semseg: {classes: 1000000000000, folder: x}}", "tasks.semseg.classes: should be a list"),
        ("tasks: {semseg: {classes: 3, folder: x, ignore: 1e3}}", "tasks.semseg.ignore.0"),
        ("tasks: {semseg: {name: other}}", "tasks: a task's name is its key"),
        ("tasks: {'a/b': {folder: x, kind: scalar}}", "tasks.a/b.name: 'a/b' should be"),
        ("image: {folder: images}", "image: folder should contain {split}"),
        ("splits: {list: ids.txt}", "splits.list: 'ids.txt' should contain {split}"),
        ("size: [0, 16]", "size.0"),
    ],
)
def test_each_mistake_names_its_field(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in config_error(tmp_path, text)


def the_task(tmp_path: Path, text: str) -> TaskFolder:
    path = tmp_path / "dataset.yaml"
    path.write_text(f"name: mine\nimage: {{folder: '{{split}}'}}\ntasks: {{{text}}}\n", encoding="utf-8")
    (task,) = load_config(path).tasks.values()
    return task


@pytest.mark.parametrize(("written", "number"), [("1e-3", 0.001), ("2E+1", 20.0), ("5.", 5.0), ("'.5'", 0.5)])
def test_numbers_as_experiments_take_them(tmp_path: Path, written: str, number: float) -> None:
    fields = f"folder: x, scale: {written}, weight: {written}, invalid: [{written}, 0]"
    depth = the_task(tmp_path, f"depth: {{{fields}}}")
    assert (depth.scale, depth.weight, depth.invalid) == (number, number, (number, 0))
    assert the_task(tmp_path, f"edge: {{folder: x, threshold: {written}}}").threshold == number


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ("classes: 100", (255,)),
        ("classes: 100, first_class: 200", ()),
        ("classes: 55, first_class: 200", (255,)),
        ("classes: 56, first_class: 200", ()),
        ("classes: 255, first_class: 1", ()),
        ("classes: 100, first_class: 200, ignore: 0", (0,)),
    ],
)
def test_what_is_ignored_by_default_is_no_class(
    tmp_path: Path, fields: str, ignored: tuple[int, ...]
) -> None:
    task = the_task(tmp_path, f"semseg: {{folder: x, {fields}}}")
    assert task.ignored == ignored
    ids = np.arange(task.first_class, task.first_class + len(task.classes), dtype=np.uint16)[None]
    np.testing.assert_array_equal(as_label(ids, task), ids - task.first_class)


def test_a_yaml_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_config(tmp_path / "nothing.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match="cannot be read"):
        load_config(tmp_path / "bytes.yaml")


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
fields = st.sampled_from(
    ["name", "image", "tasks", "splits", "size", "folder", "classes", "semseg", "edge", "ignore", "list"]
)
documents = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(documents)
def test_no_document_makes_a_traceback(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with contextlib.suppress(UserError):
        load_config(path)
