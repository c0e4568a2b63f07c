import subprocess
import sys
from pathlib import Path

import pytest

import benchmark.report
from benchmark.errors import UserError
from benchmark.report import Report, write_report
from benchmark.report.load import read_results
from benchmark.report.tables import terminal_table


@pytest.fixture(scope="module")
def folder(synthetic, total_only, tmp_path_factory):
    table = synthetic.rows(["random", "entropy"], seeds=2, metrics=total_only)
    return synthetic.write(tmp_path_factory.mktemp("run"), table)


@pytest.fixture(scope="module")
def report(folder):
    return write_report(folder)


def test_report_lists_what_it_wrote_and_shows_the_table(folder, report):
    assert isinstance(report, Report)
    assert {str(path.relative_to(folder)) for path in report.paths} == {
        *(
            f"tables/{name}.{kind}"
            for name in ("loss_vs_labels", "headline")
            for kind in ("csv", "md", "tex")
        ),
        "tables/naubc.csv",
        *(f"figures/total_loss.{kind}" for kind in ("csv", "pdf", "png", "svg")),
    }
    assert report.figures == (folder / "figures" / "total_loss.png",)
    assert report.text == terminal_table(read_results(folder))
    written = {path for path in folder.rglob("*") if path.is_file()}
    assert written == {*report.paths, folder / "results.csv", folder / "environment.json"}


def test_a_second_report_writes_the_same_bytes(folder, report):
    first = {path: path.read_bytes() for path in report.paths}
    assert {path: path.read_bytes() for path in write_report(folder).paths} == first


def test_a_folder_that_takes_no_report_is_named(synthetic, tmp_path):
    synthetic.write(tmp_path, [("rooms", "random", 0, 0, 40, "total", "loss", 1.0)])
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(UserError, match="cannot take the report") as error:
        write_report(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_importing_the_report_imports_nothing_heavy():
    check = "import sys, benchmark.report; assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)"
    root = Path(benchmark.report.__file__).parents[2]
    subprocess.run([sys.executable, "-c", check], cwd=root, check=True)
