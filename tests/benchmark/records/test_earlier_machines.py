"""A folder that is gone on with elsewhere says with what its earlier rounds were computed."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark import run
from benchmark.records.environment import earlier_machines
from benchmark.records.results_folder import ENVIRONMENT, write_head
from benchmark.report.results.study import read_study
from benchmark.report.study_protocol import render

NOW = {"device": "cpu", "revision": "b", "packages": {"torch": "2.15.0"}}
SMALL = {
    "data": {"pool": 6, "val": 2, "height": 16, "width": 16},
    "network": {"width": 4, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 2},
    "budgets": [2, 4],
    "strategies": ["random"],
    "full_data": False,
    "quiet": True,
}


def test_each_other_machine_is_named_once_and_the_present_one_never():
    first, second = NOW | {"revision": "a"}, NOW | {"packages": {"torch": "2.14.0"}}
    assert earlier_machines({}, NOW) == []
    assert earlier_machines(NOW | {"threads": 2}, NOW | {"threads": 1}) == []  # which changes no number
    assert earlier_machines(first, NOW) == [first]
    assert earlier_machines(second | {"earlier": [first]}, NOW) == [first, second]
    assert earlier_machines(first | {"earlier": [first, second]}, NOW) == [first, second]
    assert earlier_machines(first | {"earlier": [NOW]}, NOW) == [first]
    assert earlier_machines(first | {"earlier": "broken"}, NOW) == [first]


def test_a_run_keeps_what_the_rounds_before_it_were_computed_with(tmp_path):
    run(seeds=1, out=tmp_path / "out", **SMALL)
    file = tmp_path / "out" / "environment.json"
    present = json.loads(file.read_text())
    assert "earlier" not in present
    older = present | {"packages": present["packages"] | {"torch": "1.0"}}
    file.write_text(json.dumps(older))
    for seeds in (2, 3):
        study = run(seeds=seeds, out=tmp_path / "out", **SMALL)
        known = json.loads(file.read_text())
        assert known["packages"] == present["packages"]
        assert [each["packages"]["torch"] for each in known["earlier"]] == ["1.0"]
    study.report(out=tmp_path / "report")
    assert "- earlier rounds: torch 1.0\n" in (tmp_path / "report" / "tables" / "protocol.md").read_text()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A finished run."""
    run(seeds=1, out=(out := tmp_path_factory.mktemp("results") / "out"), **SMALL)
    return out


@pytest.fixture
def folder(results, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(results, tmp_path / "out")
    return Folder(tmp_path / "out")


@dataclass(frozen=True)
class Folder:
    """A folder of results whose rounds another machine may have computed."""

    out: Path

    @property
    def known(self):
        return json.loads((self.out / ENVIRONMENT).read_text())

    def change(self, **fields):
        (self.out / ENVIRONMENT).write_text(json.dumps(self.known | fields))

    def protocol(self):
        return render(read_study(self.out))["tables/protocol.md"].decode()


def planned_again(small_bench, folder, device):
    """As an engine that plans here does, whose jobs run on this device elsewhere."""
    fields = {name: SMALL[name] for name in ("data", "budgets", "strategies", "full_data")}
    bench = small_bench(folder.out, **fields)
    write_head(bench.experiment, bench, folder.out, {"device": device})


@pytest.mark.parametrize("named", ["NVIDIA H200", "NVIDIA A100, NVIDIA H200"])
def test_a_gpu_keeps_its_name_where_its_jobs_have_not_said_it_yet(folder, small_bench, named):
    folder.change(device=named)
    planned_again(small_bench, folder, "cuda")
    assert folder.known["device"] == named
    assert "earlier" not in folder.known
    folder.change(packages=folder.known["packages"] | {"torch": "1.0"})
    planned_again(small_bench, folder, "cuda")
    assert [(each["device"], each["packages"]["torch"]) for each in folder.known["earlier"]] == [
        (named, "1.0")
    ]
    assert "- earlier rounds: torch 1.0\n" in folder.protocol()


@pytest.mark.parametrize(("before", "now"), [("cpu", "cuda"), ("NVIDIA H200", "cpu"), ("NVIDIA H200", "T4")])
def test_another_device_is_one(folder, small_bench, before, now):
    folder.change(device=before)
    planned_again(small_bench, folder, now)
    assert folder.known["device"] == now
    assert [each["device"] for each in folder.known["earlier"]] == [before]
    assert f"- earlier rounds: device {before}\n" in folder.protocol()


def test_nothing_is_said_of_earlier_rounds_that_differ_in_nothing(folder):
    folder.change(earlier=[{"device": folder.known["device"]}])
    assert "earlier rounds" not in folder.protocol()
    folder.change(earlier=[{"device": folder.known["device"]}, {"device": "NVIDIA H200"}])
    assert "- earlier rounds: device NVIDIA H200\n" in folder.protocol()
