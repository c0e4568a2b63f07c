"""The real command in processes of its own, and ways to look at them from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from benchmark.records.heartbeat import read_sign
from benchmark.records.round_store import Store

ROOT = Path(__file__).parents[3]
KEPT = ("labelled", "selected", "metrics", "weights_digest", "scores", "key")


@pytest.fixture(scope="session")
def written(small_experiment, tmp_path_factory):
    """Writes a small experiment into a file, with fields changed at will."""

    def write(iterations=3, **changes):
        fields = small_experiment(**{"strategies": ["random", "learning-loss"], **changes}).model_dump(
            mode="json"
        )
        fields["recipe"]["iterations"] = iterations
        file = tmp_path_factory.mktemp("experiment") / "small.yaml"
        file.write_text(yaml.safe_dump(fields))
        return file

    return write


@pytest.fixture
def mtal():
    """Starts the command; what is still running at the end of a test is ended."""
    started = []

    def start(*arguments, **environment):
        # A session of its own, as a terminal gives a command: a signal can go to all of it.
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def finished(mtal):
    """Runs the command to its end: output and errors of one that succeeds."""

    def run(*arguments, code=0, **environment):
        process = mtal(*arguments, **environment)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == code, errors
        return output, errors

    return run


@pytest.fixture(scope="session")
def numbers():
    """All that must be the same wherever a job ran: metrics, selections, weights, scores; not times."""

    def of(folder):
        rounds = {(r.strategy, r.seed, r.round): r for r in Store(folder).rounds()}
        return {place: {name: getattr(done, name) for name in KEPT} for place, done in rounds.items()}

    return of


@pytest.fixture
def until():
    """Waits for a condition while a process runs, and returns what it gave."""

    def wait(condition, process, seconds=120):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def running_in():
    """The signs of life of the jobs that train now, but for round 0's."""

    def signs(folder):
        homes = [home for home in folder.glob("rooms/*/seed-*") if home.parent.name != "round-0"]
        return [sign for sign in map(read_sign, homes) if sign and sign.done and not sign.lost]

    return signs
