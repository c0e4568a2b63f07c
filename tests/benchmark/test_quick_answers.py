"""Commands that only look begin at once: nothing heavy is imported before it is used."""

import pytest
from processor_time import ROOT, in_imports

from benchmark.report.results.archives import unpacked

SCRIPT = """
import sys
from benchmark.cli.main import main
sys.argv = ["mtal", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    heavy = {"torch", "timm", "faiss", "pandas", "matplotlib", "scipy"} & set(sys.modules)
    assert ended.code == 0 and not heavy, (ended.code, heavy)
"""
HELPED = ("run", "status", "report", "compare", "export", "doctor", "data", "noise", "plan")
COMMANDS = [
    "--help",
    "list",
    "list presets",
    "show entropy",
    "data cache",
    *(f"{name} --help" for name in HELPED),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_takes_less_than_importing_pandas_and_scipy(tmp_path, command):
    """Half of it, mostly. Not by the clock: the machine may have other things to do."""
    elsewhere = {"cwd": tmp_path, "env": {"MTAL_CACHE": str(tmp_path)}}
    assert in_imports(SCRIPT, *command.split(), limit=1, **elsewhere) < 1


SHOWN = """
import sys
from pathlib import Path
from benchmark.report import write_report
def show(table):
    heavy = {"torch", "matplotlib", "seaborn", "scipy.stats"} & set(sys.modules)
    assert "core-set" in table and not heavy, heavy
    print(table)
    sys.exit()
write_report(Path(sys.argv[1]), show=show)
"""


def test_a_report_shows_its_table_before_it_draws():
    """In one and a half times what importing pandas and SciPy takes, which it does too."""
    with unpacked(ROOT / "docs/study/first/camvid.zip") as folder:
        assert in_imports(SHOWN, folder, limit=2) < 2
