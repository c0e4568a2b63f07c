"""One job, wherever it runs: its signs of life, its error, its log, its threads."""

import json
import os
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info

from benchmark.execution.jobs.process import LOG, Log, _name_device, attempt, do, order_of
from benchmark.protocol.work_left import Job
from benchmark.records.faults import ERROR, kept_error
from benchmark.records.heartbeat import STATUS, read_sign
from strategies.interface import Selection, Strategy
from strategies.registry import register

JOB = Job("trajectory", 0, "looks-around")


@pytest.fixture
def look(own_registry):
    """A strategy that calls what the test wants, when it selects."""
    calls = []

    @register("looks-around", source="a test")
    class LooksAround(Strategy):
        def select(self, pool, budget):
            for call in calls:
                call()
            return Selection(pool.unlabelled[:budget])

    return calls.append


@pytest.fixture
def bench(small_bench, tmp_path, look):
    return small_bench(tmp_path, strategies=["looks-around"], full_data=False)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "rooms/looks-around/seed-0"


def test_a_job_gives_signs_while_it_runs(bench, look, home, monkeypatch):
    monkeypatch.setattr("benchmark.records.heartbeat.EVERY", 0.0)
    signs = []
    look(lambda: signs.append(read_sign(home)))
    assert attempt(bench, Job("round-0", 0)) is None
    assert attempt(bench, JOB) is None
    seen = [(sign.round, sign.done, sign.total, sign.device) for sign in signs]
    assert seen == [(0, 0, 6, "cpu"), (1, 3, 6, "cpu")], "round 0 is read back; two more of 3 iterations each"
    assert not (home / STATUS).exists()


def test_a_failed_job_keeps_why_and_a_success_takes_it_away(bench, look, home, monkeypatch):
    def fail():
        raise RuntimeError("out of ideas")

    look(fail)
    fault = attempt(bench, JOB)
    assert fault.cause == "code"
    assert fault.reason.startswith("RuntimeError: out of ideas (see ")
    assert kept_error(home) == "RuntimeError: out of ideas"
    assert not (home / STATUS).exists()
    monkeypatch.setattr("strategies.interface.Strategy.select", lambda *_: None)
    look.__self__.clear()
    assert attempt(bench, JOB) is None
    assert not (home / ERROR).exists()


def test_a_job_that_another_process_has_leaves_its_folder_alone(bench, home):
    with bench.store.locked("rooms", "looks-around", 0):
        before = {path.name for path in home.iterdir()}
        assert attempt(bench, JOB).cause == "busy"
        assert {path.name for path in home.iterdir()} == before


def test_all_libraries_use_as_many_threads_as_torch(bench, look):
    """Some sums depend on how they are split; Ray sets OMP_NUM_THREADS on its own account."""
    seen = []
    look(lambda: seen.append({pool["num_threads"] for pool in threadpool_info()}))
    look(lambda: seen.append({int(os.environ["OMP_NUM_THREADS"])}))
    attempt(bench, JOB)
    assert seen == [{torch.get_num_threads()}] * 4, "twice in each of two selections"


def test_an_order_travels_in_few_bytes_and_does_the_same(small_bench, tmp_path, numbers, monkeypatch):
    here = small_bench(tmp_path / "here", strategies=["learning-loss"], full_data=False, budgets=[4, 7])
    assert attempt(here, Job("trajectory", 0, "learning-loss")) is None
    there = small_bench(tmp_path / "there", strategies=["learning-loss"], full_data=False, budgets=[4, 7])
    order = order_of(there, there.experiment, Job("trajectory", 0, "learning-loss"))
    travelled = pickle.dumps(order)
    assert len(travelled) < 4000
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the job takes it over
    assert do(pickle.loads(travelled)) is None
    assert numbers(tmp_path / "there") == numbers(tmp_path / "here")
    lines = (tmp_path / "there/rooms/learning-loss/seed-0" / LOG).read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["first set", "learning-loss"]


def test_an_order_that_cannot_be_opened_is_a_fault_and_not_an_exception(small_bench, tmp_path, monkeypatch):
    bench = small_bench(tmp_path, strategies=["random"], full_data=False)
    order = order_of(
        bench, bench.experiment.model_copy(update={"device": "cuda"}), Job("trajectory", 0, "random")
    )
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    fault = do(order)
    assert (fault.cause, "cuda is not there" in fault.reason) == ("code", True)


def test_a_warning_goes_to_the_log(tmp_path):
    log = Log(tmp_path / LOG)
    log.finished("one")
    log.say("two")
    assert (tmp_path / LOG).read_text() == "one\ntwo\n"


def test_a_full_disk_takes_no_log_and_stops_no_job():
    Log(Path("/dev/full")).say("a line")


def test_jobs_on_gpus_add_their_names_to_the_environment(tmp_path):
    file = tmp_path / "environment.json"
    file.write_text(json.dumps({"device": "cuda", "threads": 1}))
    for name in ("GPU B", "GPU A", "GPU B"):
        _name_device(tmp_path, name)
    assert json.loads(file.read_text()) == {"device": "GPU A, GPU B", "threads": 1}
