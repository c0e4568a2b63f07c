"""Commands that only look begin at once: nothing heavy is imported before it is used."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.report.results.archives import unpacked

ROOT = Path(__file__).parents[2]

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
def test_a_second_of_processor_time_is_enough(tmp_path, command):
    """The start of Python included. Not of the clock: the machine may have other things to do."""
    assert least(lambda: _answer(tmp_path, command), limit=1) < 1


def _answer(folder: Path, command: str) -> float:
    """Seconds of processor time until a command has answered and ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command.split()],
        cwd=folder,
        env={**os.environ, "MTAL_CACHE": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def least(measure: Callable[[], float], limit: float, tries: int = 4) -> float:
    """The first of a few measurements below a limit, or the least: a neighbour's load costs time too."""
    values = [measure()]
    while values[-1] >= limit and len(values) < tries:
        values.append(measure())
    return min(values)


SHOWN = """
import sys, time
from pathlib import Path
from benchmark.report import write_report
def show(table):
    heavy = {"torch", "matplotlib", "seaborn", "scipy.stats"} & set(sys.modules)
    assert "core-set" in table and not heavy, heavy
    print(time.process_time())
    sys.exit()
write_report(Path(sys.argv[1]), show=show)
"""


def test_a_report_shows_its_table_before_it_draws(tmp_path):
    """Processor time of everything before, the start of Python and pandas included: mostly below a second."""
    with unpacked(ROOT / "docs/study/first/camvid.zip") as folder:
        assert least(lambda: _shown(folder), limit=2) < 2


def _shown(folder: Path) -> float:
    """Seconds of processor time until a report's table is shown."""
    done = subprocess.run([sys.executable, "-c", SHOWN, folder], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
