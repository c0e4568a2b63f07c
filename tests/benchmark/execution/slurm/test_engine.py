"""Jobs as SLURM gets them: arrays that wait for their round 0, by a small SLURM of the tests' own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.execution.jobs.process import order_of
from benchmark.execution.resources import Wish
from benchmark.execution.run import dry_run
from benchmark.execution.serial import run_serial
from benchmark.experiment.sweep import grid
from benchmark.progress import Progress
from benchmark.protocol.work_left import Job, plan

pytest.importorskip("submitit", reason="the engine needs the extra `slurm`")
from benchmark.execution.slurm import engine as module
from benchmark.execution.slurm.engine import Slurm, Submission, Task, Waiting, folder_of_logs
from benchmark.execution.slurm.queue import GONE, QueueWatcher

BROKEN = """
from strategies import Strategy, register

@register("broken", source="a test")
class Broken(Strategy):
    def select(self, pool, budget):
        raise RuntimeError("out of ideas")
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The small SLURM on the PATH; the folder of its state."""
    programs, home = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    home.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(home))
    fake = Path(__file__).with_name("fake_slurm.py")
    subprocess.run([sys.executable, fake, "install", programs], check=True)
    return home


@pytest.fixture
def recorded(cluster, monkeypatch):
    """The scripts that are submitted; nothing of them is run."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("something was run"))

    def submit(command, **_):
        assert Path(command[0]).name == "sbatch"
        number = len(list(cluster.glob("*.sh"))) + 1
        (cluster / f"{number}.sh").write_text(Path(command[1]).read_text())
        return f"Submitted batch job {number}"

    monkeypatch.setattr("submitit.core.utils.CommandFunction.__call__", lambda self: submit(self.command))
    return lambda number: dict(
        re.findall(r"^#SBATCH --([\w-]+)=(\S+)", (cluster / f"{number}.sh").read_text(), re.MULTILINE)
    )


# What is submitted


def test_trajectories_are_an_array_that_waits_for_its_round_zero(recorded, small_bench, tmp_path):
    bench = small_bench(tmp_path / "out", strategies=["random", "entropy"], seeds=[0, 1])
    experiment = bench.experiment.model_copy(update={"device": "cuda", "threads": 3})
    handles = Submission(bench, experiment, 5).submit(list(plan(bench.experiment)))
    zeros, first, second = map(recorded, (1, 2, 3))
    assert zeros["array"] == "0-3%4", "two round 0s and two full-data jobs, all at once"
    assert "dependency" not in zeros
    assert (first["array"], first["dependency"]) == ("0-1%2", "afterok:1_0")
    assert (second["array"], second["dependency"]) == ("0-1%2", "afterok:1_2")
    assert first["kill-on-invalid-dep"] == "yes"
    assert (zeros["gpus-per-node"], zeros["cpus-per-task"]) == ("1", "3")
    assert handles[Job("round-0", 1)].job_id == "1_2"
    assert handles[Job("trajectory", 1, "entropy")].job_id == "3_1"


def test_no_more_run_at_once_than_asked_for(recorded, small_bench, tmp_path):
    bench = small_bench(tmp_path / "out", strategies=["random"], seeds=[0, 1, 2])
    Submission(bench, bench.experiment, 2).submit(list(plan(bench.experiment)))
    assert recorded(1)["array"] == "0-5%2"


def test_the_paths_of_logs_have_no_sign_that_sbatch_rewrites(recorded, small_bench, tmp_path):
    """Its own are %A and the like at the end; a variant over FILE.py:NAME has %2F and %3A in its folder."""
    (variant,) = [
        one for one in grid({"network.name": ["nets/mine.py:my_net", "pad_net"]}) if "/" in one.label
    ]
    assert "%2F" in variant.folder
    bench = small_bench(tmp_path / "swept" / variant.folder, strategies=["random"])
    Submission(bench, bench.experiment, 2).submit(list(plan(bench.experiment)))
    logs = tmp_path / "swept" / "slurm" / "network.name=nets-2Fmine.py-3Amy_net"
    assert {Path(recorded(1)[name]).parent for name in ("output", "error")} == {logs}
    assert logs.is_dir()


def test_logs_of_other_folders_stay_in_them(monkeypatch, tmp_path):
    assert folder_of_logs(Path("results/mine")) == Path("results/mine/slurm")
    odd = tmp_path / "100%" / "of"
    odd.mkdir(parents=True)
    monkeypatch.chdir(odd)
    assert folder_of_logs(Path("results")) == tmp_path / "slurm" / "100-" / "of" / "results"


@pytest.mark.parametrize(
    ("wish", "changes", "words"),
    [
        (Wish(None, 2), {}, "--per-device: SLURM gives every job a GPU of its own"),
        (Wish(), {"device": "cuda:1"}, "device: cuda:1: SLURM says which GPU a job gets"),
    ],
)
def test_what_slurm_does_not_do_is_refused(cluster, small_experiment, wish, changes, words):
    with pytest.raises(UserError, match=words):
        Slurm(small_experiment(**changes), wish)


def test_a_machine_without_slurm_is_refused(small_experiment, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="there is no sbatch on this machine"):
        Slurm(small_experiment(), Wish())


def test_a_dry_run_on_a_login_node_needs_no_gpu_and_times_nothing(cluster, small_experiment, tmp_path):
    """Which the jobs will have, and this machine has not."""
    experiment, quiet = small_experiment(device="cuda"), Progress(quiet=True)
    said = dry_run(experiment, tmp_path / "out", quiet, engine="slurm")
    assert "2 trainings  random, seed 0" in said
    assert said.endswith("4 passes over the pool of 16"), "a step on the CPU says nothing of theirs"
    with pytest.raises(UserError, match="device: cuda is not there"):
        dry_run(experiment, tmp_path / "out", quiet)
    here = dry_run(small_experiment(), tmp_path / "out", quiet, engine="slurm")
    assert "of processor time" in here, "where the device is there a step is timed"
    assert not (tmp_path / "out").exists()


# What runs in a job


@pytest.fixture
def task(small_bench, tmp_path, monkeypatch):
    """A job's task, and its bench; the process is as it was afterwards."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("warnings.showwarning", lambda *_, **__: None)  # a job takes it over

    def make(strategy, kind="trajectory"):
        bench = small_bench(tmp_path / "out", strategies=[strategy], full_data=False, budgets=[4, 7])
        return Task(order_of(bench, bench.experiment, Job(kind, 0, strategy))), bench

    yield make
    signal.signal(signal.SIGTERM, handler)


def test_a_task_trains_the_round_zero_that_it_needs_and_ends_on_sigterm(task, small_bench, tmp_path, numbers):
    job, _ = task("learning-loss")
    job()
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    alone = small_bench(tmp_path / "alone", strategies=["learning-loss"], full_data=False, budgets=[4, 7])
    assert run_serial(alone, plan(alone.experiment)) == []
    assert numbers(tmp_path / "out") == numbers(tmp_path / "alone")


def test_a_failed_task_raises_so_that_what_needs_it_does_not_start(task, tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text(BROKEN)
    job, bench = task(f"{tmp_path / 'broken.py'}:broken")
    with pytest.raises(RuntimeError, match="out of ideas"):
        job()
    assert "out of ideas" in (bench.store.trajectory("rooms", "broken", 0) / "error.txt").read_text()


def test_a_task_whose_time_is_over_is_submitted_again_as_it_is(task):
    job, _ = task("random")
    assert job.checkpoint().function is job


# How the end of a job is read


class Handle:
    """A submitted job that has ended."""

    def __init__(self, state, job_id="1"):
        self.state, self.job_id, self.cancelled = state, job_id, False

    def done(self):
        return True

    def cancel(self, check):
        self.cancelled = True


class Again:
    """Submits a job that ends at once."""

    def __init__(self, state):
        self.state, self.submitted = state, []

    def submit(self, jobs):
        self.submitted.append([job.kind for job in jobs])
        return {job: Handle(self.state) for job in jobs}


class Silent:
    """Follows nothing."""

    def look(self, job, done=False):
        """Nothing to see."""


@pytest.fixture
def waiting(small_bench, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "POLL", 0.0)
    bench = small_bench(tmp_path / "out", strategies=["random"], full_data=False)

    def make(**handles):
        jobs = {"zero": Job("round-0", 0), "one": Job("trajectory", 0, "random")}
        return Waiting(bench, Again("NODE_FAIL"), {jobs[name]: handle for name, handle in handles.items()})

    return make


def test_a_lost_job_is_submitted_again_three_times(waiting):
    (failure,) = waiting(one=Handle("NODE_FAIL")).to_the_end(Silent())
    assert (failure.reason, failure.tries) == ("SLURM says NODE_FAIL", 4)


def test_a_lost_round_zero_is_submitted_again_with_what_waits_for_it(waiting):
    """SLURM cancels what waits for a job that failed."""
    one = Handle("CANCELLED")
    run = waiting(zero=Handle("NODE_FAIL"), one=one)
    failures = run.to_the_end(Silent())
    assert one.cancelled
    assert run._submission.submitted == [["round-0", "trajectory"]] * 3
    assert [failure.tries for failure in failures] == [4, 0]


def test_a_job_that_the_user_cancelled_is_not(waiting):
    (failure,) = waiting(one=Handle("CANCELLED by 1000")).to_the_end(Silent())
    assert failure.tries == 1


def test_what_needs_a_failed_round_zero_is_cancelled(waiting, tmp_path):
    home = tmp_path / "out/rooms/round-0/seed-0"
    home.mkdir(parents=True)
    (home / "error.txt").write_text("The loss is not finite.\n")
    one = Handle("PENDING")
    failures = waiting(zero=Handle("FAILED"), one=one).to_the_end(Silent())
    assert [failure.reason for failure in failures] == ["The loss is not finite.", "round 0 of seed 0 failed"]
    assert one.cancelled


# What the queue says


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        *[(state, False) for state in ("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "PREEMPTED")],
        *[(state, True) for state in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")],
        (None, True),
    ],
)
def test_a_job_has_ended_when_it_cannot_come_back_or_is_forgotten(cluster, state, ended):
    (cluster / "7_0").write_text("RUNNING")
    if state:
        (cluster / "7_1").write_text(state)
    watcher = QueueWatcher(1)
    watcher.register_job("7_1")
    assert watcher.is_done("7_1") == ended
    assert watcher.get_state("7_1") == (state or GONE)


def test_a_queue_that_does_not_answer_says_nothing(cluster):
    (cluster.parent / "bin/squeue").write_text("#!/bin/sh\nexit 1\n")
    watcher = QueueWatcher(1)
    watcher.register_job("7_1")
    assert not watcher.is_done("7_1")


# All of it


@pytest.mark.slow
def test_slurm_gives_the_bits_of_serial(cluster, written, finished, numbers, tmp_path):
    file = written(seeds=[0, 1], full_data=False)
    finished("run", file, "--out", tmp_path / "serial", "--no-timing")
    _, errors = finished("run", file, "--out", tmp_path / "slurm", "--engine", "slurm")
    assert numbers(tmp_path / "slurm") == numbers(tmp_path / "serial")
    assert "to end them: scancel 1 2 3" in errors
    assert "learning-loss, seed 1: 10 labelled, total loss" in errors


@pytest.mark.slow
def test_a_killed_job_is_submitted_again(
    cluster, written, mtal, numbers, tmp_path, until, running_in, finished
):
    file, out = written(iterations=100, full_data=False, strategies=["random"]), tmp_path / "slurm"
    process = mtal("run", file, "--out", out, "--engine", "slurm")
    os.kill(until(lambda: running_in(out), process)[0].pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "random, seed 0: FAILED; try 2 of 4 follows" in errors
    finished("run", file, "--out", tmp_path / "serial", "--no-timing")
    assert numbers(out) == numbers(tmp_path / "serial")
    assert json.loads((out / "environment.json").read_text())["threads"] == 1
