"""Round 0 of a seed among processes: who needs it waits for it, and nobody holds it for long."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from told import Told

from benchmark.errors import BusyError
from benchmark.execution.serial import run_serial
from benchmark.protocol import round_zero as shared
from benchmark.protocol.round_zero import missing_of, round_zero
from benchmark.protocol.work_left import Job, plan
from benchmark.records.round_store import Store
from strategies.registry import resolve

STRATEGIES = ["random", "core-set", "learning-loss"]
HOLD = (
    "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
    "print('held', flush=True); time.sleep(600)"
)
RANDOM = Job("trajectory", 0, "random")


@pytest.fixture(scope="module")
def done(small_bench, tmp_path_factory):
    """A finished run."""
    bench = small_bench(tmp_path_factory.mktemp("done"), strategies=STRATEGIES, full_data=False)
    assert run_serial(bench, plan(bench.experiment)) == []
    return bench


@pytest.fixture
def begun(done, small_bench, tmp_path):
    """A copy of it in which random has only round 0 to start from."""
    shutil.copytree(done.store.root, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/rooms/random")
    return small_bench(tmp_path / "copy", strategies=STRATEGIES, full_data=False)


@pytest.fixture
def holder():
    """Starts a process that holds the lock of a trajectory."""
    started = []

    def hold(bench, strategy):
        lock = bench.store.trajectory("rooms", strategy, 0) / ".lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def created(*names):
    return {name: resolve(name).create() for name in names}


def of_random(bench):
    rounds = [done for done in Store(bench.store.root).rounds() if done.strategy == "random"]
    return [(done.round, done.key, done.weights_digest, done.selected) for done in rounds]


def test_a_trajectory_waits_for_round_zero_until_its_holder_is_dead(done, begun, holder, monkeypatch):
    monkeypatch.setattr(shared, "PATIENCE", 0.1)
    process, said = holder(begun, "round-0"), Told()
    say = said.say

    def heard(line):
        if "waiting" in line:
            process.kill()
        say(line)

    said.say = heard
    assert run_serial(replace(begun, progress=said), [RANDOM]) == []
    assert "round-0, seed 0 is held by another process: waiting for it" in said.lines
    assert of_random(begun) == of_random(done) != []


def test_a_trajectory_that_another_process_has_is_not_waited_for(begun, holder):
    holder(begun, "random")
    with pytest.raises(BusyError, match="random, seed 0 is being trained by another process"):
        run_serial(begun, [RANDOM])


def test_others_may_read_round_zero_while_its_network_is_made(done, monkeypatch):
    """Which takes seconds for a large backbone, and is done by each of the jobs that start together."""
    made = []

    def build(*arguments):
        with done.store.locked("rooms", "round-0", 0):
            made.append(build_network(*arguments))
        return made[-1]

    build_network = shared.build_network
    monkeypatch.setattr(shared, "build_network", build)
    for name, strategy in created(*STRATEGIES).items():
        assert list(round_zero(done, 0, name, strategy).trained.companions) in ([], [name])
    assert len(made) == len(STRATEGIES)


@pytest.mark.parametrize(
    ("asked", "missing", "networks"),
    [
        (STRATEGIES, set(), 0),
        (["random", "core-set", "entropy", "badge"], set(), 0),
        (
            ["random", "committee", "subsample[base=committee,size=9]", "subsample[base=entropy,size=9]"],
            {1, 2},
            1,
        ),
    ],
)
def test_what_is_missing_takes_one_network_at_most(done, monkeypatch, asked, missing, networks):
    made, build_network = [], shared.build_network
    monkeypatch.setattr(shared, "build_network", lambda *given: made.append(given) or build_network(*given))
    assert set(missing_of(done, 0, created(*asked))) == {asked[place] for place in missing}
    assert len(made) == networks


def test_without_round_zero_all_are_missing(begun):
    (begun.store.trajectory("rooms", "round-0", 0) / "weights.pt").unlink()
    assert set(missing_of(begun, 0, created(*STRATEGIES))) == set(STRATEGIES)


@pytest.mark.parametrize("other", [False, True])
def test_a_first_network_of_other_bits_is_said_to_be_one(begun, other):
    """As another processor, or a GPU, makes it where the stored weights are gone."""
    (begun.store.trajectory("rooms", "round-0", 0) / "weights.pt").unlink()
    stored = begun.store.read("rooms", "round-0", 0, 0)
    if other:
        begun.store.write(replace(stored, weights_digest="of another machine"))
    said = Told()
    round_zero(replace(begun, progress=said), 0, "random", created("random")["random"])
    assert any("was trained again and is not the same bit for bit" in line for line in said.lines) == other
