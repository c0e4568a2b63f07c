import os
import subprocess
import sys
from pathlib import Path

import pytest

import benchmark.report
from benchmark.errors import UserError
from benchmark.report import Report, write_report
from benchmark.report.drawing import canvas
from benchmark.report.results.load import read_results
from benchmark.report.tables.loss_table import terminal_table

ROOT = Path(benchmark.report.__file__).parents[2]
FIGURES = (
    "total_loss", "task_depth", "paired_difference", "label_saving", "naubc", "penalty", "overlap", "cost",
    "delta_mtl",
)  # fmt: skip
TABLES = ("loss_vs_labels", "headline", "penalty", "overlap", "cost", "delta_mtl")


def run(synthetic, path, names, seeds=2):
    """A folder of the strategies ``names`` of a study that is always the same."""
    metrics = {("total", "loss"): (1.3, -0.4, 0.02), ("depth", "rmse"): (0.9, -0.2, 0.02)}
    every = synthetic.rows(["random", "entropy"], seeds=seeds, metrics=metrics)
    table = [row for row in every if row[1] in {*names, "full-data"}]
    folder = synthetic.add_rounds(synthetic.write(path, table), table)
    synthetic.add_facts(folder, tasks={"depth": {"kind": "scalar", "headline": "rmse"}})
    return synthetic.add_experiment(folder, strategies=list(names))


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    return run(synthetic, tmp_path_factory.mktemp("run"), ["random", "entropy"])


@pytest.fixture(scope="module")
def report(folder):
    return write_report(folder)


@pytest.fixture
def quick(monkeypatch):
    """Figures are drawn and not saved, which takes most of a report's time."""
    monkeypatch.setattr(canvas, "_saved", lambda figure, kind: b"")


def test_report_lists_what_it_wrote_and_shows_the_table(folder, report):
    assert isinstance(report, Report)
    assert {str(path.relative_to(folder)) for path in report.paths} == {
        *(f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")),
        "tables/naubc.csv",
        "tables/validity.csv",
        "index.html",
        "tables/protocol.md",
        "tables/protocol.tex",
        *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("csv", "pdf", "png", "svg")),
    }
    assert set(report.figures) == {folder / "figures" / f"{name}.png" for name in FIGURES}
    assert report.figures[0].stem == "total_loss"
    assert report.text.startswith(terminal_table(read_results(folder)) + "\n\nValidity of rooms.")
    derived = {path for part in ("tables", "figures") for path in (folder / part).iterdir()}
    assert derived | {folder / "index.html"} == set(report.paths)


def test_another_process_with_other_settings_writes_the_same_bytes(folder, report, tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "lines.linewidth: 9\nfont.size: 20\nbackend: svg\nsavefig.dpi: 50\nfigure.dpi: 50\n"
    )
    script = (
        "import sys; from pathlib import Path; from benchmark.report import write_report\n"
        "write_report(Path(sys.argv[1]), out=Path(sys.argv[2]))\n"
        "assert 'torch' not in sys.modules"
    )
    own = {"MPLCONFIGDIR": str(tmp_path), "MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "3"}
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | own
    subprocess.run([sys.executable, "-c", script, folder, tmp_path], env=environment, cwd=ROOT, check=True)
    for path in report.paths:
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path


def test_a_report_shows_the_named_strategies_only(folder, tmp_path, quick):
    written = write_report(folder, strategies=["entropy"], out=tmp_path / "new" / "place")
    assert "entropy" in written.text
    assert "full-data" in written.text
    assert "\nrandom " not in written.text.partition("random is not among")[0]
    assert all(path.is_relative_to(tmp_path / "new" / "place") for path in written.paths)
    names = {path.name for path in written.paths}
    assert "paired_difference.csv" not in names
    for path in written.paths:
        if path.suffix == ".csv":
            assert ",random," not in path.read_text(), path


def test_a_strategy_that_is_not_there_is_refused_with_those_that_are(folder):
    with pytest.raises(UserError, match=r"hold no strategy 'best'; they hold: entropy, random\."):
        write_report(folder, strategies=["random", "best"])
    with pytest.raises(UserError, match="Name one strategy or more"):
        write_report(folder, strategies=["full-data"])


def test_several_folders_make_one_report(synthetic, folder, tmp_path, quick):
    parts = [run(synthetic, tmp_path / name, [name]) for name in ("random", "entropy")]
    merged = write_report(*parts, out=tmp_path / "both")
    assert merged.text.startswith(terminal_table(read_results(folder)) + "\n\nValidity of rooms.")
    assert (tmp_path / "both" / "tables" / "penalty.csv").exists()
    assert not (parts[0] / "tables").exists()


def test_several_folders_need_a_place_for_the_report(folder, tmp_path):
    with pytest.raises(UserError, match="2 folders belongs to none of them: say where with --out"):
        write_report(folder, tmp_path)
    with pytest.raises(UserError, match="Give the folder of a run"):
        write_report()


def test_columns_are_one_or_two(folder):
    with pytest.raises(UserError, match=r"columns must be 1 or 2.*not 3"):
        write_report(folder, columns=3)


def test_a_run_of_which_only_full_data_is_done_can_be_reported(synthetic, tmp_path, quick):
    written = write_report(run(synthetic, tmp_path, []))
    assert {path.stem for path in written.figures} == {"total_loss", "task_depth"}
    assert "full-data" in written.text


def test_a_folder_that_takes_no_report_is_named(synthetic, tmp_path, quick):
    synthetic.write(tmp_path, [("rooms", "random", 0, 0, 40, "total", "loss", 1.0)])
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(UserError, match="cannot take the report") as error:
        write_report(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_importing_the_report_imports_nothing_heavy():
    heavy = "{'torch', 'pandas', 'matplotlib', 'scipy', 'pydantic'}"
    check = f"import sys, benchmark.report; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)
