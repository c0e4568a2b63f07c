"""One job by its number: all of them, in any order and side by side, are a run."""

import csv
from types import SimpleNamespace

import pytest

from benchmark.errors import BusyError, UserError
from benchmark.execution import single_job as alone
from benchmark.execution.run import run
from benchmark.execution.run_one import job_of, run_one
from benchmark.execution.serial import run_serial
from benchmark.progress import Progress
from benchmark.protocol.jobs import numbered
from benchmark.protocol.work_left import plan
from benchmark.records.round_store import Store

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def serial(small_bench, tmp_path_factory):
    bench = small_bench(tmp_path_factory.mktemp("serial"), strategies=["random", "learning-loss"])
    assert run_serial(bench, plan(bench.experiment)) == []
    bench.store.write_results()
    return bench


@pytest.fixture
def random_alone(small_experiment):
    """An experiment of one strategy, and the number of its trajectory."""
    return small_experiment(strategies=["random"], full_data=False, budgets=[4, 7]), 1


@pytest.mark.parametrize("backwards", [False, True])
def test_all_jobs_one_by_one_are_a_run(serial, numbers, tmp_path, backwards):
    out, jobs = tmp_path / "one by one", numbered(serial.experiment)
    for index in sorted(range(len(jobs)), reverse=backwards):
        assert run_one(serial.experiment, out, index, QUIET) == ()
    assert numbers(out) == numbers(serial.store.root)
    assert (out / "results.csv").read_bytes() == (serial.store.root / "results.csv").read_bytes()
    assert (out / "experiment.yaml").is_file()
    assert (out / "environment.json").is_file()


def test_numbers_begin_with_the_round_zeros_and_cover_the_plan(small_experiment):
    experiment = small_experiment(seeds=[3, 1])
    jobs = numbered(experiment)
    assert [(job.kind, job.seed) for job in jobs[:2]] == [("round-0", 3), ("round-0", 1)]
    assert set(jobs) == set(plan(experiment))
    assert len(jobs) == 2 * (1 + 1 + 3)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_number_that_there_is_not(small_experiment, index):
    with pytest.raises(UserError, match=f"--index must be from 0 to 4, one of 5 jobs, not {index}"):
        job_of(small_experiment(), index)


def test_a_job_waits_for_a_round_zero_that_another_process_trains(random_alone, tmp_path, monkeypatch):
    """The process that has it is finished when the job has said so and looks again."""
    out, said = tmp_path / "out", []
    held = Store(out).locked("rooms", "round-0", 0)
    progress, looks = Progress(quiet=True), iter(range(alone.READING + 1))
    progress.say = said.append

    def sleep(_):
        if next(looks) == alone.READING:
            held.__exit__(None, None, None)

    monkeypatch.setattr(alone, "time", SimpleNamespace(sleep=sleep))
    held.__enter__()
    assert run_one(random_alone[0], out, random_alone[1], progress) == ()
    assert "round-0, seed 0 is being trained by another process: waiting for it" in said
    with (out / "results.csv").open() as file:
        assert {row["strategy"] for row in csv.DictReader(file)} == {"random", "constant"}
    assert said[-1].startswith("[100%, 0:00 left] random, seed 0: 7 labelled")


def test_a_job_that_another_process_has_is_refused(random_alone, tmp_path):
    with (
        Store(tmp_path / "out").locked("rooms", "random", 0),
        pytest.raises(BusyError, match="random, seed 0 is being trained by another process"),
    ):
        run_one(random_alone[0], tmp_path / "out", random_alone[1], QUIET)


def test_another_experiment_s_folder_is_refused(random_alone, small_experiment, tmp_path):
    run_one(random_alone[0], tmp_path / "out", 0, QUIET)
    with pytest.raises(UserError, match="holds results of another experiment"):
        run_one(small_experiment(budgets=[4, 8]), tmp_path / "out", 0, QUIET)


@pytest.mark.slow
def test_all_jobs_at_once_are_a_run(mtal, finished, written, numbers, tmp_path):
    """As an array of any scheduler starts them."""
    file, out = written(strategies=["random", "learning-loss"], iterations=20), tmp_path / "out"
    count, _ = finished("run-one", file, "--count")
    assert count == "4\n"
    processes = [mtal("run-one", file, "--out", out, "--index", index) for index in range(int(count))]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    for index in range(int(count)):
        finished("run-one", file, "--out", tmp_path / "serial", "--index", index)
    assert numbers(out) == numbers(tmp_path / "serial")
    assert (out / "results.csv").read_bytes() == (tmp_path / "serial/results.csv").read_bytes()


@pytest.mark.slow
def test_a_failed_job_is_exit_code_1(finished, written, tmp_path):
    (tmp_path / "broken.py").write_text(
        "from strategies import Strategy, register\n"
        '@register("broken", source="a test")\n'
        "class Broken(Strategy):\n"
        "    def select(self, pool, budget):\n"
        '        raise RuntimeError("out of ideas")\n'
    )
    file = written(strategies=[f"{tmp_path / 'broken.py'}:broken"])
    _, errors = finished("run-one", file, "--out", tmp_path / "out", "--index", 2, code=1)
    assert "Failed: broken, seed 0: RuntimeError: out of ideas" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "again", [lambda e, out: run_one(e, out, 1, QUIET), lambda e, out: run(e, out, QUIET)]
)
def test_a_checkpoint_that_a_kill_left_behind_a_finished_job_goes(random_alone, tmp_path, again):
    experiment, _ = random_alone
    run_one(experiment, tmp_path, 1, QUIET)
    left = tmp_path / "rooms/random/seed-0/training.pt"
    left.write_bytes(b"of the last round, which is stored")
    again(experiment, tmp_path)
    assert not left.exists()
