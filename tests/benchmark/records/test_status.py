"""What `mtal status` says of a folder: done, running, waiting, failed, lost; also where files have moved."""

import json
import os
import socket
import time

import pytest
import yaml
from filelock import FileLock

from benchmark.errors import UserError
from benchmark.records import status
from benchmark.records.faults import ERROR
from benchmark.records.heartbeat import SILENT, STATUS, _begun
from benchmark.records.results_folder import is_held
from benchmark.records.round_store import FULL_DATA, ROUND_ZERO, Round, Store, folder_name
from benchmark.records.status import status_table, watched
from strategies.registry import resolve


@pytest.fixture
def folder(tmp_path):
    """Two strategies, one seed, two budgets; nothing done yet."""
    experiment = {"budgets": [10, "20 %"], "strategies": ["random", "entropy"], "seeds": [0]}
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    (tmp_path / "environment.json").write_text(json.dumps({"data": {"pool": 100}}))
    return tmp_path


@pytest.fixture
def stored(folder):
    def store(strategy, rounds, seed=0):
        for number in range(rounds):
            Store(folder).write(Round("rooms", strategy, seed, number, "key", ("a",), {}, "digest"))

    return store


@pytest.fixture
def sign(folder):
    def write(strategy, **changes):
        now = time.time()
        home = Store(folder).trajectory("rooms", strategy, 0)
        home.mkdir(parents=True, exist_ok=True)
        content = {"host": socket.gethostname(), "pid": os.getpid(), "device": "GPU 2", "round": 1}
        content |= {
            "done": 250,
            "total": 1000,
            "skipped": 0,
            "begun": _begun(os.getpid()),
            "seconds": 60,
            "updated": now,
        }
        (home / STATUS).write_text(json.dumps(content | changes))

    return write


@pytest.fixture
def failed(folder):
    def write(strategy, text):
        home = Store(folder).trajectory("rooms", strategy, 0)
        home.mkdir(parents=True, exist_ok=True)
        (home / ERROR).write_text(text)

    return write


def test_a_run_that_nobody_has_begun(folder):
    assert status_table(folder).splitlines() == [
        "0 of 2 rounds  waiting  random, seed 0",
        "0 of 2 rounds  waiting  entropy, seed 0",
        "0 of 1 round  waiting  full-data, seed 0",
        "0 of 5 rounds in all; 3 waiting",
    ]


def test_where_each_job_is(folder, stored, sign, failed):
    stored("random", 2)
    stored(FULL_DATA, 1)
    stored("entropy", 1)
    sign("entropy")
    assert status_table(folder).splitlines() == [
        "2 of 2 rounds  done     random, seed 0",
        f"1 of 2 rounds  running  entropy, seed 0: round 1 on {socket.gethostname()}, GPU 2, "
        "250 of 1000 iterations, about 3:00 left",
        "1 of 1 round  done     full-data, seed 0",
        "4 of 5 rounds in all; 1 running",
    ]


def test_a_round_zero_is_shown_while_it_runs(folder, sign):
    sign(ROUND_ZERO, round=0)
    lines = status_table(folder).splitlines()
    assert lines[0].startswith("0 of 1 round  running  round-0, seed 0: round 0 on ")
    assert lines[-1] == "0 of 5 rounds in all; 1 running, 3 waiting"


def test_a_finished_round_zero_is_not_shown(folder):
    Store(folder).write(Round("rooms", ROUND_ZERO, 0, 0, "key", ("a",), {}, "digest"))
    assert ROUND_ZERO not in status_table(folder)


def test_a_failed_job_says_why(folder, stored, failed, sign):
    stored("random", 1)
    failed("random", "Traceback (most recent call last):\n  a line\nRuntimeError: out of ideas\n")
    failed(ROUND_ZERO, "The loss is not finite.\n")
    lines = status_table(folder).splitlines()
    assert lines[0] == "0 of 1 round  failed   round-0, seed 0: The loss is not finite."
    assert lines[1] == "1 of 2 rounds  failed   random, seed 0: RuntimeError: out of ideas"
    assert lines[-1] == "1 of 5 rounds in all; 2 waiting, 2 failed"
    sign("random")
    assert "running  random" in status_table(folder), "it is being tried again"


def test_a_finished_job_that_once_failed_is_done(folder, stored, failed):
    failed("random", "why")
    stored("random", 2)
    assert "done     random, seed 0\n" in status_table(folder)


def test_a_job_that_nothing_stands_behind(folder, sign):
    sign("random", host="elsewhere", pid=12, updated=time.time() - SILENT - 100)
    lines = status_table(folder).splitlines()
    assert lines[0] == "0 of 2 rounds  lost     random, seed 0: no sign of process 12 on elsewhere for 16:40"
    assert lines[-1] == "0 of 5 rounds in all; 2 waiting, 1 lost"


def test_a_job_killed_after_its_last_round_is_done(folder, stored, sign):
    stored("random", 2)
    sign("random", pid=2**22 + 1)  # more than any process has
    assert status_table(folder).splitlines()[0] == "2 of 2 rounds  done     random, seed 0"


def test_a_strategy_whose_file_has_moved_is_counted(folder, stored):
    experiment = {"budgets": [10, 20], "strategies": ["gone/mine.py:least-sure", "random"], "seeds": [0]}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment | {"dataset": "gone.yaml"}))
    stored("least-sure", 2)
    lines = status_table(folder).splitlines()
    assert lines[0] == "2 of 2 rounds  done     least-sure, seed 0"
    assert lines[-1] == "2 of 5 rounds in all; 2 waiting"


def test_what_is_stored_and_not_planned_is_counted_too(folder, stored):
    stored("entropy[measure=margin]", 1)
    lines = status_table(folder).splitlines()
    assert lines[3] == "1 of 2 rounds  waiting  entropy[measure=margin], seed 0"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("budgets", [20, 10], "must grow"), ("seeds", ["x"], "seeds"), ("budgets", "many", "budgets")],
)
def test_fields_that_it_needs_are_still_checked(folder, field, value, words):
    content = yaml.safe_load((folder / "experiment.yaml").read_text())
    (folder / "experiment.yaml").write_text(yaml.safe_dump(content | {field: value}))
    with pytest.raises(UserError, match=words):
        status_table(folder)


@pytest.mark.parametrize("name", ["seed-x", "seed-", "notes"])
def test_foreign_folders_are_passed_over(folder, name):
    (folder / "rooms/random" / name).mkdir(parents=True)
    assert status_table(folder).endswith("0 of 5 rounds in all; 3 waiting")


def test_watching_ends_when_nothing_is_left_to_do(folder, stored, failed, sign, monkeypatch):
    """While the run holds its folder, jobs that wait will come."""
    lock = FileLock(folder / ".lock")
    lock.acquire()
    steps = [
        lambda: (stored("random", 2), stored(FULL_DATA, 1)),
        lambda: sign("entropy"),
        lambda: (failed("entropy", "why"), sign("entropy", pid="no number")),
    ]
    monkeypatch.setattr(status.time, "sleep", lambda _: steps.pop(0)())
    sums = [table.splitlines()[-1] for table in watched(folder)]
    assert sums == [
        "0 of 5 rounds in all; 3 waiting",
        "3 of 5 rounds in all; 1 waiting",
        "3 of 5 rounds in all; 1 running",
        "3 of 5 rounds in all; 1 failed",
    ]
    assert steps == []
    lock.release()


def test_watching_ends_when_nobody_is_at_work(folder, stored, sign, monkeypatch):
    """After Ctrl-C: the process is gone, its folder is free, and what waits comes by no one."""
    stored("random", 1)
    sign("random", pid=2**22 + 1)
    monkeypatch.setattr(status.time, "sleep", lambda _: pytest.fail("waits for nobody"))
    *_, last = watched(folder)
    assert last.endswith(status.IDLE)
    assert "stopped  random, seed 0: process 4194305 is gone" in last


def test_asking_leaves_the_folder_free(folder):
    with FileLock(folder / ".lock", timeout=0):
        assert is_held(folder)
    assert not is_held(folder)
    with FileLock(folder / ".lock", timeout=0):
        pass


def test_a_strategy_whose_name_no_folder_holds_is_known_by_its_own(folder, stored):
    settings = "measure=loss,categorical=kl,binary=weighted,scalar=relative,direction=l1,scales=mean"
    more = "normalise=minmax,representation=concat,pooling=inconsistency,select=random,dimensions=4096"
    last = "power=0.125,keep=0.125,weighting=none,gain=0.12500001,patches=4096"
    name = resolve(f"consistency-diversity[{settings},{more},{last}]").name
    other = name.replace("0.12500001", "0.12500002")
    assert len({folder_name(name), folder_name(other)}) == 2
    assert len(name) > 255 >= len(folder_name(name))
    (folder / "experiment.yaml").write_text(
        yaml.safe_dump({"budgets": [10, "20 %"], "strategies": [name], "seeds": [0]})
    )
    stored(name, 1)
    text = "".join(status_table(folder).split())
    assert f"1of2roundswaiting{name},seed0" in text
    assert "~" not in text, "the name of its folder"
