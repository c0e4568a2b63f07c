"""A gate trains random and full data alone, elsewhere than the study, and ends with its verdict."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from benchmark.cli.main import cli
from benchmark.execution.run_gate import of_random
from benchmark.execution.run_usefulness import of_two_rounds
from benchmark.experiment.config import validated

FIELDS = {
    "name": "tiny",
    "data": {"pool": 8, "val": 4, "height": 16, "width": 16, "seed": 3},
    "network": {"width": 4, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 2},
    "budgets": [2, 4],
    "strategies": ["entropy", "core-set"],
    "seeds": [0, 1, 2],
    "full_data": False,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(FIELDS))
    command = [
        "gate",
        str(folder / "tiny.yaml"),
        "--seeds",
        "100,101",
        "--out",
        str(folder / "out"),
        "--quiet",
    ]
    result = CliRunner().invoke(cli, command)
    (folder / "said.txt").write_text(result.output)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1  # two iterations teach nothing
    return folder


def test_only_random_and_full_data_are_trained(folder):
    stored = yaml.safe_load((folder / "out" / "experiment.yaml").read_text())
    assert stored["strategies"] == ["random"]
    assert stored["references"] == 3
    assert stored["full_data"] is True
    assert stored["seeds"] == [100, 101]


def test_rendered_images_are_others_than_the_study_s(folder):
    assert yaml.safe_load((folder / "out" / "experiment.yaml").read_text())["data"]["seed"] == 4


@pytest.mark.parametrize("dataset", ["rooms", "rooms-longtail", "rooms-video"])
@pytest.mark.parametrize("prepared", [of_random, of_two_rounds])
def test_rendered_images_are_others_where_the_experiment_names_no_seed(dataset, prepared):
    """The seed that it does not name is the data set's own, 0, which the study has."""
    fields = FIELDS | {"dataset": dataset, "data": {"pool": 8}}
    assert prepared(validated(fields, "test")).data == {"pool": 8, "seed": 1}


def test_data_without_a_seed_stay_as_they_are(tmp_path):
    (tmp_path / "own.yaml").write_text("")
    for dataset in ("nyud", "pascal", str(tmp_path / "own.yaml")):
        fields = FIELDS | {"dataset": dataset, "data": {"pool": 8}}
        assert of_random(validated(fields, "test")).data == {"pool": 8}


def test_a_planned_study_is_held_to_its_gate_without_its_plan():
    """Which compares strategies and seeds that a gate has not, and would be refused."""
    planned = validated(FIELDS, "test").model_copy(update={"plan": Path("plan.yaml")})
    assert of_random(planned).plan is None


def test_the_verdict_is_said_and_stored(folder):
    said = (folder / "said.txt").read_text()
    assert "Gate of rooms, 2 seeds" in said
    assert "FAIL" in said
    assert "To change:" in said
    assert "**not met**" in (folder / "out" / "tables" / "gate.md").read_text()


def test_a_field_that_is_set_goes_before_the_default_of_an_option(tmp_path, monkeypatch):
    """Seeds 100 to 102 are nobody's wish: a field that is given twice would be refused."""
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(FIELDS))
    seen = []
    monkeypatch.setattr("benchmark.execution.run_gate.gate", lambda asked, *_: seen.append(asked.seeds))
    CliRunner().invoke(cli, ["gate", str(tmp_path / "tiny.yaml"), "--set", "seeds=[7]"])
    assert seen == [(7,)]
