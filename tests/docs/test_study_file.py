"""The commented study is one that runs, and says of every field that it sets what it is for."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.cli.main import cli
from benchmark.experiment.loading import load_experiment
from benchmark.experiment.planned import check_plan, plan_of
from benchmark.report import read_studies
from benchmark.report.planning.pilot import read_pilot

FILE = Path(__file__).parents[2] / "docs" / "examples" / "study.yaml"
WRITTEN = yaml.safe_load(FILE.read_text())


def leaves(fields, path=()):
    for name, value in fields.items():
        yield from leaves(value, (*path, name)) if isinstance(value, dict) else [((*path, name), value)]


def test_it_is_a_valid_experiment_and_every_field_is_taken():
    taken = dict(leaves(load_experiment(FILE, None, {}).model_dump(mode="json")))
    said = dict(leaves({name: value for name, value in WRITTEN.items() if name not in ("preset", "budgets")}))
    assert {path: taken[path] for path in said} == said


def test_a_dry_run_of_it_names_every_strategy_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(cli, ["run", str(FILE), "--dry-run", "--no-timing", "--quiet"])
    assert ended.exit_code == 0, ended.output
    assert all(f"{name}, seed 4" in ended.output for name in WRITTEN["strategies"])
    assert not list(tmp_path.iterdir())


def test_every_field_has_a_comment():
    lines = FILE.read_text().splitlines()
    fields = [at for at, line in enumerate(lines) if line.strip()[:1].isalpha()]
    assert len(fields) > 25
    assert not [lines[at] for at in fields if "#" not in lines[at] + lines[at - 1] and at]


DEVELOPMENT = sorted((FILE.parents[1] / "study" / "development").glob("*.yaml"))


@pytest.mark.parametrize("file", DEVELOPMENT, ids=lambda file: file.stem)
def test_the_method_is_developed_on_rows_of_the_rooms_and_on_images_that_no_study_is_judged_on(file):
    experiment = load_experiment(file, None, {})
    rows = load_experiment(file.with_name("rooms.yaml"), None, {}).strategies
    assert set(experiment.strategies) <= set(rows)
    assert {"random", "consistency-diversity"} < set(experiment.strategies)
    assert experiment.development or experiment.data["seed"] == 1
    assert min(experiment.seeds) >= 200


STUDY = FILE.parents[1] / "study"


STUDIES = [file for file in sorted(STUDY.glob("*.yaml")) if not file.stem.endswith("-plan")]


def planned(file):
    return load_experiment(file, None, {"plan": str(file.with_name(f"{file.stem}-plan.yaml"))})


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_a_study_keeps_its_plan(file):
    experiment = planned(file)
    plan = plan_of(experiment)
    check_plan(experiment, plan, Path(experiment.dataset).stem)  # a file of own data names itself so
    assert plan.primary == plan.family[0] == "consistency-diversity"
    assert not experiment.development, "judged on the official validation images"
    seeds = load_experiment(STUDY / "development" / "nyud.yaml", None, {}).seeds
    assert not {*plan.seeds} & {*seeds, *plan.computed_from.seeds}


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_the_pilot_of_a_study_is_the_archive_beside_it(file):
    known = plan_of(planned(file)).computed_from
    archives = [STUDY / pilot.folder for pilot in known.pilots]
    pilot = read_pilot(read_studies(archives), archives)
    assert [(each.folder, each.digest) for each in known.pilots] == list(pilot.digests)
    assert known.gap == pytest.approx(pilot.gap.mean, abs=1e-3)
