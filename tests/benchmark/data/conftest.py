"""Rendered rooms as copies of NYUD-v2, small, sound and in every layout: to be read back, or broken."""

import dataclasses
import shutil
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.cli import main as cli
from benchmark.data.dataset import Sample
from benchmark.data.export import NYUD, export
from benchmark.experiment.catalogue import open_dataset
from benchmark.tasks import IGNORE, make_task

KEPT = 13


class Thirteen:
    """A split whose semseg keeps its first 13 classes and ignores the others."""

    def __init__(self, split):
        self.split, self.ids = split, split.ids

    def __getitem__(self, position):
        sample = self.split[position]
        semseg = sample.labels["semseg"]
        kept = np.where(semseg < KEPT, semseg, IGNORE).astype(np.uint8)
        return Sample(sample.image, {**sample.labels, "semseg": kept})


@pytest.fixture(scope="session")
def thirteen_rooms():
    """Rooms with as many classes as every layout holds."""
    rooms = open_dataset("rooms", {"pool": 5, "val": 3, "height": 40, "width": 56})
    semseg = make_task("semseg", classes=rooms.tasks[0].classes[:KEPT])
    train, val = Thirteen(rooms.train), Thirteen(rooms.val)
    return dataclasses.replace(rooms, tasks=(semseg, *rooms.tasks[1:]), train=train, val=val)


@pytest.fixture(scope="session")
def exported(thirteen_rooms, tmp_path_factory):
    """The same rooms in every layout of NYUD-v2, by the layout's name; not to be changed."""
    folder = tmp_path_factory.mktemp("exported")
    for layout in NYUD:
        export(thirteen_rooms, layout, folder / layout)
    return {layout: folder / layout for layout in NYUD}


@pytest.fixture
def copy_of(exported, tmp_path):
    """Makes a copy in a layout, to be broken."""
    return lambda layout: shutil.copytree(exported[layout], tmp_path / "copy")


@pytest.fixture
def data_check(monkeypatch, capsys):
    """``mtal data check`` in this process: its exit code, and all that it printed."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("benchmark.words.terminal_width", lambda: 10_000)  # a problem a line

    def call(dataset, root, *settings):
        words = ["mtal", "data", "check", dataset, "--data-root", str(root)]
        monkeypatch.setattr(sys, "argv", [*words, *(word for each in settings for word in ("--set", each))])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return SimpleNamespace(code=ended.value.code, text="".join(capsys.readouterr()))

    return call
