"""What the faults are injected into, and the table of what came of them."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

import harness

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.authoring.marked_parts import rewritten
from benchmark.execution.serial import facts_of, run_serial
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench
from benchmark.protocol.work_left import plan
from benchmark.records.results_folder import write_head
from benchmark.untrusted_files import read_fields

STUDY = {
    "name": "study",
    "dataset": "rooms",
    "data": {"pool": 16, "val": 6, "height": 32, "width": 32},
    "network": {"width": 8, "blocks": 1},
    "recipe": {"iterations": 8, "batch_size": 4, "evaluation_batch_size": 8},
    "budgets": [4, 7, 10],
    "strategies": ["random", "learning-loss", "consistency-diversity"],
    "seeds": [0, 1],
    "device": "cpu",
    "threads": 1,
    "checkpoint_minutes": 0.002,
}
#: The file that the table goes to besides the terminal, below this mark: ``make torture`` names one.
TABLE = "MTAL_TORTURE_TABLE"
MARK = "made by make torture"


@dataclass
class Row:
    """What came of a fault."""

    injected: int = 0
    survived: int = 0
    #: Rounds that were in the making and begun again; none that was stored is ever lost.
    lost: int = 0
    #: From the start of the next command to its first step.
    seconds: list[float] = field(default_factory=list)


ROWS: dict[str, Row] = {}


@pytest.fixture
def injected():
    """Counts a fault, and that it was survived if the block comes to its end."""

    @contextmanager
    def count(fault: str, times: int = 1) -> Iterator[Row]:
        row = ROWS.setdefault(fault, Row())
        row.injected += times
        yield row
        row.survived += times

    return count


def pytest_terminal_summary(terminalreporter):
    """The table of a run in one process; of several, none has all of it."""
    if not ROWS or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    terminalreporter.section("faults")
    for line in lines():
        terminalreporter.write_line(line)
    if file := os.environ.get(TABLE):
        text = rewritten(
            Path(file).read_text(encoding="utf-8"), MARK, lambda _: "\n".join(["", *lines(), ""])
        )
        Path(file).write_text(text, encoding="utf-8")


def lines() -> list[str]:
    """The table, in Markdown."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = f"{time.strftime('%Y-%m-%d')}, {platform.system()}, {cores} cores, {memory:.0f} GiB of memory:"
    columns = "| fault | injected | survived | rounds begun again | seconds to go on |"
    rows = [
        f"| {fault} | {row.injected} | {row.survived} | {row.lost} | {spread(row.seconds)} |"
        for fault, row in ROWS.items()
    ]
    return [head, "", columns, "|---|---:|---:|---:|---:|", *rows]


def spread(seconds: list[float]) -> str:
    """Median and worst."""
    return f"{median(seconds):.1f} (at most {max(seconds):.1f})" if seconds else ""


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Writes the study into a file, with fields changed at will."""

    def write(**changes):
        file = tmp_path_factory.mktemp("experiment") / "study.yaml"
        recipe = STUDY["recipe"] | changes.pop("recipe", {})
        file.write_text(yaml.safe_dump({**STUDY, "recipe": recipe, **changes}))
        return file

    return write


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of results that an experiment gives in peace."""
    known = {}

    def folder(file):
        if file not in known:
            known[file] = tmp_path_factory.mktemp("undisturbed")
            experiment = validated(read_fields(file), str(file))
            bench = open_bench(experiment, known[file], Progress(quiet=True))
            write_head(experiment, bench, known[file], facts_of(bench))
            assert run_serial(bench, plan(experiment)) == []
            bench.store.write_results()
        return known[file]

    return folder


@pytest.fixture(scope="session")
def study(written):
    """The file of the study as it is."""
    return written()


@pytest.fixture(scope="session")
def brief_study(written):
    """The file of one with a single seed, where one blow meets one job."""
    return written(seeds=[0])


@pytest.fixture(scope="session")
def long_study(written):
    """The file of one that no blow of some seconds brings to its end."""
    return written(recipe={"iterations": 300})


@pytest.fixture
def start(tmp_path):
    """Starts a command; what is still running at the end of a test is ended, with all that it started."""
    started = []

    def command(*arguments, cold=False, clock=0, **environment):
        log = tmp_path / f"log-{len(started)}.txt"
        started.append(harness.start(list(arguments), log, environment, cold, clock))
        return started[-1]

    yield command
    for one in started:
        one.strike()
        one.code()
        harness.kill_session(one.pid)


@pytest.fixture
def run(start):
    """Starts the study's command on a folder."""

    def command(file, folder, *options, **how):
        return start("run", file, "--out", folder, "--no-timing", *options, **how)

    return command


@pytest.fixture
def ray_at_work(run):
    """Starts a study by Ray: the command when a job trains, the jobs' signs, and the seconds till then."""

    def command(file, folder):
        while True:
            started, begun = time.monotonic(), run(file, folder, "--jobs", 2, cold=True)
            if found := begun.until(lambda: harness.signs(folder)):
                return begun, found, time.monotonic() - started
            assert "Ray does not start" in begun.said, (
                "a very busy machine is too slow for it, and that is all"
            )

    return command


@pytest.fixture
def finished(start):
    """What a command says that ends as it should."""

    def command(*arguments, code=0, **how):
        ended = start(*arguments, **how)
        assert ended.code() == code, ended.said
        assert "Traceback" not in ended.said
        return ended.said

    return command


@pytest.fixture
def mounted(tmp_path):
    """Mounts file systems of the test's own, and takes them away; skips where that is not allowed."""
    places = []

    def mount(name, *options):
        place = tmp_path / name
        place.mkdir()
        done = subprocess.run(["mount", *map(str, options), str(place)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        places.append(place)
        return place

    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("no file system can be mounted here: that is root's to do")
    yield mount
    for place in reversed(places):
        subprocess.run(["umount", "--lazy", str(place)], check=True)
