"""Sweeps: each variant is an ordinary study in a folder of its own, and the report sets them side by side."""

import shutil

import pandas as pd
import pytest

from benchmark import Sweep, load, load_sweep, run
from benchmark.errors import UserError
from benchmark.experiment.sweep import grid
from benchmark.records.sweep_folder import write_sweep
from benchmark.report.drawing import canvas

COMMAND = (
    "run --strategies random,entropy --seeds 2 --budgets 4,8 --device cpu --threads 1 --no-timing --quiet "
    "--set data.pool=16 --set data.val=6 --set data.height=32 --set data.width=32 --set network.width=8 "
    "--set network.blocks=1 --set recipe.batch_size=4 --set full_data=false "
)
VARY = "--vary recipe.iterations=1,3"
PARENT = "results/rooms-quick-by-recipe.iterations"
FOLDERS = ["recipe.iterations=1", "recipe.iterations=3"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep as the command leaves it; figures are drawn and not saved."""
    folder = tmp_path_factory.mktemp("sweep")
    fields = {
        "data": {"pool": 16, "val": 6, "height": 32, "width": 32},
        "network": {"width": 8, "blocks": 1},
        "recipe": {"batch_size": 4},
        "full_data": False,
        "budgets": [4, 8],
        "device": "cpu",
        "threads": 1,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(canvas, "_saved", lambda *_: b"")
        vary = {"recipe.iterations": [1, 3]}
        sweep = run(strategies=["random", "entropy"], seeds=2, vary=vary, quiet=True, **fields)
        return folder, sweep


@pytest.fixture
def here(swept, mtal, tmp_path, monkeypatch):
    """A copy of the sweep in the working folder, and the command."""
    shutil.copytree(swept[0] / "results", tmp_path / "results")
    monkeypatch.setattr(canvas, "_saved", lambda *_: b"")
    return mtal


def test_a_sweep_is_a_mapping_of_studies(swept):
    folder, sweep = swept
    assert isinstance(sweep, Sweep)
    assert list(sweep) == [1, 3]
    assert str(sweep.folder) == PARENT
    for value, name in zip([1, 3], FOLDERS, strict=True):
        alone = load(folder / PARENT / name)
        assert alone.experiment["recipe"]["iterations"] == value
        assert alone.experiment["name"] == f"rooms-quick recipe.iterations={value}"
        pd.testing.assert_frame_equal(sweep[value].results, alone.results)
    assert sweep[1].naubc["naubc"].tolist() != sweep[3].naubc["naubc"].tolist()


def test_the_headline_has_the_varied_fields_as_levels_and_the_numbers_of_each_study(swept):
    _, sweep = swept
    assert sweep.headline.index.names == ["recipe.iterations"]
    for value, study in sweep.items():
        ours = sweep.headline.loc[value].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, study.headline)


def test_the_same_command_goes_on_and_reports_all(here, tmp_path):
    parent = tmp_path / PARENT
    shutil.rmtree(parent / FOLDERS[1])  # as if it had been killed after the first
    kept = {path: path.stat().st_mtime_ns for path in parent.glob("*/rooms/*/seed-*/round-*.json")}
    ended = here(*f"{COMMAND} {VARY}".split())
    assert ended.code == 0, ended.err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (parent / FOLDERS[1] / "index.html").is_file()
    assert "by recipe.iterations: area under the budget curve" in " ".join(ended.out.split())
    assert "Look at it in a browser: results/rooms-quick-by-recipe.iterations/index.html" in ended.out


def test_the_report_sets_variants_side_by_side_and_links_to_each(here, swept, tmp_path):
    ended = here("report", PARENT)
    assert ended.code == 0, ended.err
    parent = tmp_path / PARENT
    table = pd.read_csv(parent / "tables" / "sweep.csv")
    headline = pd.read_csv(parent / FOLDERS[1] / "tables" / "headline.csv")
    ours = table[table["recipe.iterations"] == 3].drop(columns="recipe.iterations").reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, headline)
    for kind in ("md", "tex"):
        assert "entropy" in (parent / "tables" / f"sweep.{kind}").read_text()
    assert {path.suffix for path in parent.glob("figures/sweep.*")} == {".csv", ".pdf", ".svg", ".png"}
    page = (parent / "index.html").read_text()
    for name in FOLDERS:
        assert f'href="{name.replace("=", "%3D")}/index.html"' in page
        assert (parent / name / "index.html").is_file()
    random = swept[1][3].headline.set_index("strategy").loc["random", "naubc"]
    assert f"{random:.2f}" in page, "the mean of one variant, not of both"


def test_the_status_shows_all_variants(here, tmp_path):
    shutil.rmtree(tmp_path / PARENT / FOLDERS[1])
    said = here("status", PARENT).out
    assert said.startswith("recipe.iterations=1\n")
    assert "8 of 8 rounds in all" in said
    assert "recipe.iterations=3\nwaiting: it has not begun" in said


def test_more_values_are_added_and_other_fields_refused(here, tmp_path):
    ended = here(*COMMAND.split(), "--vary", "recipe.learning_rate=1e-3,1e-2", "--out", PARENT)
    assert ended.code == 2
    assert "holds a sweep over recipe.iterations, not recipe.learning_rate" in ended.err
    ended = here(*COMMAND.split(), "--vary", "recipe.iterations=2,3", "--dry-run")
    assert ended.code == 0
    assert "recipe.iterations=2: 6 jobs in all" in ended.out
    assert not (tmp_path / PARENT / "recipe.iterations=2").exists()
    assert "All of it is stored" in ended.out


def test_a_folder_of_a_sweep_is_not_one_study(swept):
    folder, _ = swept
    with pytest.raises(UserError, match="holds a sweep: read it by load_sweep"):
        load(folder / PARENT)
    with pytest.raises(UserError, match="holds no sweep"):
        load_sweep(folder / PARENT / FOLDERS[0])
    assert list(load_sweep(folder / PARENT)) == [1, 3]


@pytest.mark.parametrize(
    "command", ["run", "run --dry-run", "run-one study.yaml --index 0", "noise", "gate", "usefulness"]
)
def test_a_single_study_is_refused_in_the_folder_of_a_sweep(mtal, tmp_path, command):
    """Its results would lie beside the variants, where nothing that reads a sweep looks."""
    (tmp_path / "study.yaml").write_text("preset: quick\n")
    write_sweep(tmp_path / "swept", grid({"recipe.iterations": [1, 3]}))
    ended = mtal(*command.split(), "--out", "swept")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "Error: swept holds a sweep: give another --out for a single study.\n"
    assert [file.name for file in (tmp_path / "swept").iterdir()] == ["sweep.yaml"]


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ("recipe.iteration=1,2", "did you mean recipe.iterations?"),
        ("recipe.iterations=5", "a sweep needs two values or more, not 5"),
        ("recipe.iterations=5,5", "5 is there twice; each value once"),
        ("recipe.iterations", "--vary must be FIELD=VALUE,VALUE"),
        ("network.name=pad_net,nosuch", "nosuch"),
        ("recipe.iterations=1,[", "are not values"),
    ],
)
def test_wrong_sweeps_are_one_sentence_and_leave_nothing(mtal, tmp_path, vary, words):
    ended = mtal("run", "--vary", vary)
    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
