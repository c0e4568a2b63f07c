"""Ray with two jobs at once: the same bits as serial, whatever is killed, and nothing left running."""

import os
import re
import signal
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.execution.ray.engine import RayEngine
from benchmark.execution.resources import Wish
from benchmark.execution.serial import run_serial
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.work_left import plan, work_left
from benchmark.records.round_store import Store
from benchmark.untrusted_files import read_fields

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`")

STRATEGY = """
from strategies import Selection, Strategy, register

@register("in-a-file", source="a test")
class InAFile(Strategy):
    def select(self, pool, budget):
        if {broken}:
            raise RuntimeError("out of ideas")
        return Selection(pool.unlabelled[:budget])
"""


@pytest.fixture(scope="module")
def same(written, tmp_path_factory, small_bench, numbers):
    """A longer experiment, and what serial gives for it."""
    file = written(iterations=40)
    bench = small_bench(
        tmp_path_factory.mktemp("serial"), **validated(read_fields(file), "test").model_dump()
    )
    assert run_serial(bench, plan(bench.experiment)) == []
    bench.store.write_results()
    return file, bench.store.root


def processes_of(session):
    """What runs in the session of a command: itself, and all of Ray that it started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, belongs_to = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(belongs_to) == session and state != "Z":
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def assert_gone(process, seconds=10):
    deadline = time.monotonic() + seconds
    while left := processes_of(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def assert_same(folder, other, numbers):
    assert (folder / "results.csv").read_bytes() == (other / "results.csv").read_bytes()
    assert numbers(folder) == numbers(other)
    assert not list(folder.rglob("status.json"))


@pytest.fixture
def by_ray(small_bench, small_experiment):
    """Runs a small experiment by Ray from this process: the failures, and the lines that the user sees."""

    def run(folder, **changes):
        said = []
        engine = RayEngine(small_experiment(**changes), Wish(2))
        progress = Progress(quiet=True)
        progress.say = said.append
        bench = engine.opened(folder, progress)
        jobs = {job: work_left(bench, job) for job in plan(bench.experiment)}
        progress.begin(3 * sum(work.trainings for work in jobs.values()))
        failures = engine.run_jobs(bench, jobs)
        bench.store.write_results()
        return failures, said

    return run


def test_ray_gives_the_bits_of_serial(by_ray, small_bench, numbers, tmp_path, monkeypatch):
    """With a strategy from a file, whose path is relative to where the command runs."""
    (tmp_path / "own.py").write_text(STRATEGY.format(broken=False))
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    changes = {"strategies": ["own.py:in-a-file", "learning-loss"], "full_data": False}
    bench = small_bench(tmp_path / "serial", **changes)
    assert run_serial(bench, plan(bench.experiment)) == []
    bench.store.write_results()
    failures, said = by_ray(tmp_path / "ray", **changes)
    assert failures == []
    assert_same(tmp_path / "ray", tmp_path / "serial", numbers)
    lines = {re.sub(r"^\[.* left\] |, total loss.*", "", line) for line in said}
    names = ("in-a-file", "learning-loss")
    told = {f"{n}, seed 0: {k} labelled" for n in names for k in (7, 10)}
    assert lines == {"Opening rooms", "first set, seed 0: 4 labelled"} | told
    assert all(re.match(r"\[.* left\] ", line) for line in said[2:]), "and how far the whole is"
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_gpu_that_is_not_there_is_refused_at_once(by_ray, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="device: cuda is not there"):
        by_ray(tmp_path / "out", device="cuda")
    assert not (tmp_path / "out").exists()


def test_a_ray_that_does_not_start_is_one_sentence(by_ray, tmp_path, monkeypatch):
    def slow(**_):
        raise Exception("The current node timed out during startup. This could happen because ...\nand so on")

    monkeypatch.setattr("ray.init", slow)
    with pytest.raises(
        UserError, match=r"Ray does not start on this machine: The current node timed out .*Run"
    ):
        by_ray(tmp_path / "out")


def test_what_is_stored_starts_nothing(small_bench, small_experiment, tmp_path, monkeypatch):
    changes = {"strategies": ["random"], "full_data": False, "budgets": [4, 7]}
    bench = small_bench(tmp_path, **changes)
    assert run_serial(bench, plan(bench.experiment)) == []
    monkeypatch.setattr("benchmark.execution.ray.engine.session", lambda _: pytest.fail("Ray was started"))
    engine = RayEngine(small_experiment(**changes), Wish(2))
    assert engine.run_jobs(bench, {job: work_left(bench, job) for job in plan(bench.experiment)}) == []


@pytest.mark.slow
def test_a_killed_worker_is_tried_again_and_ends_with_the_same_numbers(
    same, mtal, tmp_path, numbers, until, running_in
):
    process = mtal("run", same[0], "--out", tmp_path, "--jobs", 2)
    sign = until(lambda: running_in(tmp_path), process)[0]
    os.kill(sign.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert re.search(r"its process was lost \(WorkerCrashedError\); try 2 of 4 follows", errors)
    assert_same(tmp_path, same[1], numbers)
    assert_gone(process)


@pytest.mark.slow
def test_a_killed_driver_leaves_no_process_and_the_same_command_goes_on(
    same, mtal, finished, tmp_path, numbers, until, running_in
):
    process = mtal("run", same[0], "--out", tmp_path, "--jobs", 2)
    sign = until(lambda: running_in(tmp_path), process)[0]
    process.kill()
    process.wait()
    assert_gone(process)
    assert sign.lost
    status, _ = finished("status", tmp_path)
    assert "running" not in status
    finished("run", same[0], "--out", tmp_path, "--jobs", 2)
    assert_same(tmp_path, same[1], numbers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "to_all", "code", "word"),
    [
        (signal.SIGTERM, False, 143, "Terminated"),
        (signal.SIGTERM, True, 143, "Terminated"),
        (signal.SIGINT, True, 130, "Stopped"),  # Ctrl-C reaches all processes of a terminal
    ],
)
def test_a_signal_ends_all_and_says_how_to_go_on(
    same, mtal, finished, tmp_path, numbers, until, running_in, number, to_all, code, word
):
    process = mtal("run", same[0], "--out", tmp_path, "--jobs", 2)
    until(lambda: running_in(tmp_path), process)
    (os.killpg if to_all else os.kill)(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert f"{word}. Run the same command to go on" in errors
    assert "Traceback" not in errors
    assert_gone(process)
    assert (tmp_path / "results.csv").is_file()


@pytest.mark.slow
def test_a_signal_while_ray_starts(same, mtal, tmp_path, until):
    process = mtal("run", same[0], "--out", tmp_path, "--jobs", 2)
    until(lambda: any("gcs_server" in name for name in processes_of(process.pid)), process)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "Terminated. Run the same command to go on" in errors
    assert_gone(process)


@pytest.mark.slow
def test_a_broken_strategy_stops_no_other_and_ends_in_a_table(written, finished, tmp_path):
    (tmp_path / "broken.py").write_text(STRATEGY.format(broken=True))
    file = written(strategies=[f"{tmp_path / 'broken.py'}:in-a-file", "random"], full_data=False)
    output, errors = finished("run", file, "--out", tmp_path / "out", "--jobs", 2, code=1)
    assert "random" in output
    table = errors.partition("\nFailed:\n")[2].splitlines()
    assert len(table) == 1
    assert re.match(r"  in-a-file, seed 0  1 try +RuntimeError: out of ideas \(see .*error.txt\)", table[0])
    status, _ = finished("status", tmp_path / "out")
    assert "failed   in-a-file, seed 0: RuntimeError: out of ideas" in status
    assert "3 of 3 rounds  done     random, seed 0" in status


@pytest.mark.slow
def test_of_two_launchers_the_second_says_so(same, mtal, finished, tmp_path, numbers, until, running_in):
    first = mtal("run", same[0], "--out", tmp_path, "--jobs", 2)
    until(lambda: running_in(tmp_path), first)
    _, errors = finished("run", same[0], "--out", tmp_path, "--jobs", 2, code=75)
    assert "is in use by another process" in errors
    _, errors = first.communicate(timeout=300)
    assert first.returncode == 0, errors
    assert_same(tmp_path, same[1], numbers)


@pytest.mark.slow
def test_a_job_that_another_process_has_is_reported_and_stops_no_other(written, finished, tmp_path):
    file = written(strategies=["random", "core-set"], full_data=False)
    with Store(tmp_path).locked("rooms", "random", 0):
        output, errors = finished("run", file, "--out", tmp_path, "--jobs", 2, code=1)
    assert "random, seed 0  1 try      random, seed 0 is being trained by another process" in errors
    assert "core-set" in output
