"""``--json``: one document on stdout that says what the text says, whatever names and numbers it holds."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from benchmark.authoring import listings
from benchmark.cli.json_document import plain
from benchmark.cli.main import cli
from benchmark.records.faults import ERROR
from benchmark.records.round_store import Round, Store
from benchmark.records.status import status_of

ROOT = Path(__file__).parents[3]
ODD = 'it\'s "odd"\n\x1b[31mé\N{SNOWMAN}'


@pytest.fixture
def asked():
    """What a command prints, read as one JSON document without NaN and infinities; and its exit code."""

    def refused(constant):
        raise ValueError(f"{constant} is no JSON")

    def ask(*words):
        done = CliRunner().invoke(cli, [*map(str, words), "--json"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return json.loads(done.stdout, parse_constant=refused), done.exit_code

    return ask


@pytest.mark.parametrize("what", listings.LISTINGS)
def test_every_list_is_a_document_of_what_its_text_says(asked, what):
    document, code = asked("list", what)
    assert code == 0
    text = " ".join(listings.LISTINGS[what]().split())
    assert document[what]
    for thing in document[what]:
        assert thing.get("name", thing.get("path")) in text


def test_a_strategy_says_its_parameters_and_needs(asked):
    found, _ = asked("list")
    (entropy,) = (one for one in found["strategies"] if one["name"] == "entropy")
    assert (entropy["family"], entropy["passes"]) == ("uncertainty", 2)
    assert {"name": "task", "default": "all", "values": "text"} in entropy["parameters"]


def test_a_plug_in_that_cannot_be_made_has_no_cost(asked, monkeypatch):
    from strategies import Strategy, register, registry

    @register("fails", source="test")
    class Fails(Strategy):
        def __init__(self):
            raise registry.RegistryError("on purpose")

    monkeypatch.setattr(registry.STRATEGIES, "broken", {ODD: "ImportError: \udcff"})
    found, _ = asked("list")
    (entry,) = (one for one in found["strategies"] if one["name"] == "fails")
    assert entry["passes"] is None
    assert found["broken_plugins"] == {ODD: "ImportError: \udcff"}


@pytest.fixture
def folder(tmp_path):
    """Results of a strategy that is done, one that failed with an odd message, and one of an odd name."""
    experiment = {
        "budgets": [10, "20 %"],
        "strategies": ["random", "entropy"],
        "seeds": [0],
        "full_data": False,
    }
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    (tmp_path / "environment.json").write_text(json.dumps({"data": {"pool": 100}}))
    for name, rounds in (("random", 2), ("entropy", 1), (ODD, 1)):
        for number in range(rounds):
            Store(tmp_path).write(Round("rooms", name, 0, number, "key", ("a",), {}, "digest"))
    home = Store(tmp_path).trajectory("rooms", "entropy", 0)
    (home / ERROR).write_text(f"OSError: {ODD}")
    return tmp_path


def test_the_status_of_a_folder(asked, folder):
    found, code = asked("status", folder)
    assert code == 0
    rounds = {one["strategy"]: (one["state"], one["rounds_done"]) for one in found["trajectories"]}
    assert rounds == {"random": ("done", 2), "entropy": ("failed", 1), ODD: ("waiting", 1)}
    assert (found["rounds_done"], found["rounds_planned"]) == (4, 6)
    assert found["states"] == {"done": 1, "failed": 1, "waiting": 1}
    assert status_of(folder).text.endswith("4 of 6 rounds in all; 1 waiting, 1 failed")


def test_a_running_job_says_where_it_is_and_how_far(asked, folder):
    from benchmark.records.heartbeat import Live

    Live(Store(folder).trajectory("rooms", "entropy", 0), "cpu", 40).at_round(1)
    found, _ = asked("status", folder)
    (running,) = (one for one in found["trajectories"] if one["state"] == "running")
    process = running["process"]
    assert (process["pid"], process["round"], process["device"]) == (os.getpid(), 1, "cpu")
    assert (process["iterations_done"], process["iterations_total"], process["seconds_left"]) == (0, 40, None)


def test_the_doctor_says_each_check_and_ends_with_the_same_code(asked, tmp_path):
    found, code = asked("doctor", "--dataset", "nyud", "--data-root", tmp_path / "none", "--out", tmp_path)
    assert {"Python", "torch", "memory", "data"} <= {one["check"] for one in found["checks"]}
    (data,) = (one for one in found["checks"] if one["check"] == "data")
    assert (code, data["result"]) == (1, "problem")
    assert data["advice"].startswith("Mend what")
    results = [one["result"] for one in found["checks"]]
    assert (found["problems"], found["warnings"]) == (results.count("problem"), results.count("warning"))


def test_a_check_of_data_is_the_report(asked):
    found, code = asked("data", "check", "rooms", "--quick", "--set", "pool=6", "--set", "val=3")
    assert (code, found["ok"], found["problems"]) == (0, True, [])
    assert found["splits"]["train"]["images"] == 6
    assert math.isclose(sum(found["splits"]["train"]["tasks"]["semseg"]["values"].values()), 1)


def test_a_comparison_has_the_numbers_that_its_text_says(asked):
    zipped = ROOT / "docs/study/first/rooms.zip"
    found, code = asked("compare", "entropy", "random", zipped)
    assert (code, found["strategy"], found["against"]) == (0, "entropy", "random")
    (rooms,) = found["datasets"]
    words = " ".join(CliRunner().invoke(cli, ["compare", "entropy", "random", str(zipped)]).stdout.split())
    assert words == " ".join(rooms["text"].split())
    assert f"{rooms['mean']:+.3f}, 95 % interval {rooms['low']:+.3f} to {rooms['high']:+.3f}" in words
    assert f"(p = {rooms['corrected']:.3g}, corrected; {rooms['p']:.3g} alone)" in words
    assert f"the {rooms['family']['comparisons']} comparisons with {rooms['family']['reference']}" in words
    assert (rooms["seeds"], rooms["left_out"], rooms["gap"]["seeds"]) == ([0, 1, 2, 3, 4], [], 5)
    first, *later = rooms["budgets"]
    assert (first["labelled"], first["same"], first["needed"]) == (20, True, None)
    for at in later:
        assert f"({at['labelled']}): {at['mean']:+.3f} ({at['low']:+.3f} to {at['high']:+.3f}" in words
        assert f"speed-up {at['needed']['needed'] / at['labelled']:.2f}" in words


def test_what_three_seeds_cannot_say_is_null(asked):
    found, _ = asked("compare", "entropy", "random", ROOT / "docs/study/first/camvid.zip")
    (camvid,) = found["datasets"]
    assert len(camvid["seeds"]) == 3
    assert [camvid[key] for key in ("p", "corrected", "detectable")] == [None] * 3


@dataclass
class Thing:
    number: float
    where: Path


def test_whatever_a_value_is_it_becomes_json():
    value = {
        1: Thing(math.nan, Path("a")),
        "more": (math.inf, np.float64(0.5), np.int64(2), {"b", "a"}, None, True),
    }
    assert plain(value) == {
        "1": {"number": None, "where": "a"},
        "more": [None, 0.5, 2, ["a", "b"], None, True],
    }
