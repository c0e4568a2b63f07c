"""Issue forms and the workflow: what they name is there."""

import re
from pathlib import Path

import pytest
import yaml
from click import Context, Group
from click.testing import CliRunner

from benchmark.cli.main import cli

ROOT = Path(__file__).parents[2]
FORMS = sorted(
    path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"
)
named = pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)


@named
def test_a_form_has_what_a_code_host_asks_for(form):
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= set(content)
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


@named
def test_commands_and_options_of_a_form_are_those_of_the_command_line(form):
    text = form.read_text()
    commands = set(re.findall(r"mtal ([a-z][a-z-]+)", text))
    assert commands
    for command in commands:
        assert cli.get_command(Context(cli), command) is not None, command
    help_of = "".join(CliRunner().invoke(cli, [command, "--help"]).output for command in sorted(commands))
    options = set(re.findall(r"`(--[a-z-]+)", text))
    assert all(option in help_of + CliRunner().invoke(cli, ["run", "--help"]).output for option in options)


@named
def test_files_named_by_a_form_are_there(form):
    for file in re.findall(r"(?:docs/)?[\w-]+\.md", form.read_text()):
        assert (ROOT / file).is_file(), file


def test_the_bug_form_asks_for_the_doctor_and_the_dispute_for_an_export():
    bug, result = ((ROOT / ".github/ISSUE_TEMPLATE" / name).read_text() for name in ("bug.yml", "result.yml"))
    assert "mtal doctor" in bug
    assert "mtal export" in result
    assert isinstance(cli, Group)


def test_the_workflow_runs_what_everybody_runs_on_the_oldest_and_a_newer_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = workflow["jobs"]["run"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert job["strategy"]["matrix"]["python"][0] == oldest[1]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
