"""Where data are looked for: one order for all data sets, and who said so is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.errors import UserError
from benchmark.execution.remote_engine import Elsewhere
from benchmark.experiment.catalogue import open_dataset
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench


def put(root: Path, shade: int) -> Path:
    """A data set of one task whose images say which copy it is."""
    for split, stem in (("train", "a"), ("train", "b"), ("val", "c")):
        for thing in ("image", "height"):
            (root / split / thing).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), shade, np.uint8)).save(root / split / "image" / f"{stem}.png")
        values = np.random.default_rng(ord(stem)).random((16, 16))
        np.save(root / split / "height" / f"{stem}.npy", values)
    return root


def described(path: Path, root: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    task = {"folder": "{split}/height", "kind": "scalar"}
    fields = {"name": "mine", "root": root, "image": {"folder": "{split}/image"}, "tasks": {"height": task}}
    path.write_text(yaml.safe_dump(fields))
    return str(path)


def where(name: str, data_root: Path | None = None) -> tuple[int, str]:
    """Which copy was opened, and who said so."""
    dataset = open_dataset(name, {}, data_root)
    assert dataset.origin is not None
    return int(dataset.train[0].image[0, 0, 0]), dataset.origin.said_by


GIVEN = "--data-root or data_root"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies 1 beside the YAML file, 2 where MTAL_DATA says, 3 elsewhere."""
    put(tmp_path / "yaml" / "street", 1)
    put(tmp_path / "variable" / "street", 2)
    put(tmp_path / "given" / "street", 3)
    monkeypatch.delenv("MTAL_DATA", raising=False)
    return tmp_path


@pytest.mark.parametrize("below", ["", "street"])
def test_the_order_for_a_relative_root(places: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    name = described(places / "yaml" / "data.yaml", "street")
    assert where(name) == (1, "root of data.yaml")
    monkeypatch.setenv("MTAL_DATA", str(places / "variable" / below))
    assert where(name) == (2, "MTAL_DATA")
    assert where(name, places / "given" / below) == (3, GIVEN)


@pytest.mark.parametrize("below", ["", "street"])
def test_an_absolute_root_is_not_overridden_by_a_variable(
    places: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    name = described(places / "data.yaml", str(places / "yaml" / below))
    monkeypatch.setenv("MTAL_DATA", str(places / "variable"))
    if below:
        assert where(name) == (1, "root of data.yaml")
    else:  # its parent, in which the name of the data set is looked for
        shutil.move(places / "yaml" / "street", places / "yaml" / "mine")
        assert where(name) == (1, "root of data.yaml")
    assert where(name, places / "given" / "street") == (3, GIVEN)


def test_a_moved_root_is_found_by_the_variable(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = described(places / "data.yaml", str(places / "gone" / "street"))
    with pytest.raises(UserError, match=r"gone/street' \(root of data.yaml\) of data.yaml is no"):
        where(name)
    monkeypatch.setenv("MTAL_DATA", str(places / "variable"))
    assert where(name) == (2, "MTAL_DATA")


def test_a_variable_that_holds_other_data_hides_none(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = described(places / "yaml" / "data.yaml", "street")
    (places / "nyud").mkdir()
    for variable in (places / "nyud", places / "gone"):
        monkeypatch.setenv("MTAL_DATA", str(variable))
        assert where(name) == (1, "root of data.yaml")


def test_what_is_given_is_the_only_place(places: Path) -> None:
    name = described(places / "yaml" / "data.yaml", "street")
    with pytest.raises(UserError, match=r"gone' \(--data-root or data_root\) of data.yaml is no"):
        where(name, places / "gone")
    (places / "empty").mkdir()
    with pytest.raises(UserError, match=r"Folder '.*empty/train/image' cannot be listed"):
        where(name, places / "empty")


def test_nowhere_names_all_places(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = described(places / "yaml" / "data.yaml", "nothing")
    monkeypatch.setenv("MTAL_DATA", str(places / "gone"))
    with pytest.raises(UserError) as caught:
        where(name)
    assert str(places / "gone") in str(caught.value)
    assert "(MTAL_DATA) nor" in str(caught.value)
    assert "(root of data.yaml) is a folder; correct root or give --data-root." in str(caught.value)


@pytest.mark.parametrize("inside", [True, False])
def test_published_data_follow_the_same_rule(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    copies = {name: tmp_path / name / "NYUD_MT" for name in ("variable", "given")}
    for copy in copies.values():
        shutil.copytree(exported["nyud-b"], copy)
    monkeypatch.setenv("MTAL_DATA", str(copies["variable"] if inside else copies["variable"].parent))
    found = open_dataset("nyud", {}).origin
    assert (found.folder, found.said_by) == (copies["variable"], "MTAL_DATA")
    found = open_dataset("nyud", {}, copies["given"] if inside else copies["given"].parent).origin
    assert (found.folder, found.said_by) == (copies["given"], GIVEN)
    monkeypatch.setenv("MTAL_DATA", str(tmp_path / "gone"))
    with pytest.raises(UserError, match=r"gone' \(MTAL_DATA\) is no folder"):
        open_dataset("nyud", {})


def test_check_and_run_name_the_place_and_who_said_so(places: Path, data_check: Any) -> None:
    name = described(places / "yaml" / "data.yaml", "street")
    checked = data_check(name, places / "given")
    assert f"  data: {str(places / 'given' / 'street')!r} ({GIVEN})" in checked.text
    said: list[str] = []
    fields = {"dataset": name, "budgets": [1, 2], "strategies": ["random"], "seeds": [0]}
    fields["data"] = {"height": 16, "width": 24}  # whatever the file or its images say
    heard = type("Heard", (), {"say": said.append})
    open_bench(validated(fields, "test"), places / "out", heard)
    place = f"Data: {str(places / 'yaml' / 'street')!r} (root of data.yaml)"
    assert said[0] == f"{place}, images of 16 x 24 pixels (height x width)"


def test_jobs_of_other_processes_are_told_the_place(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = described(places / "yaml" / "data.yaml", "street")
    monkeypatch.setenv("MTAL_DATA", str(places / "variable"))
    fields = {"dataset": name, "budgets": [1, 2], "strategies": ["random"], "seeds": [0]}
    engine = Elsewhere(validated(fields, "test"), "cpu", 1)
    engine.opened(places / "out", Progress(quiet=True))
    monkeypatch.delenv("MTAL_DATA")  # as on another machine
    assert engine.experiment.data_root == places / "variable" / "street"
    assert where(name, engine.experiment.data_root)[0] == 2
