"""What is left to do is counted from the store, and timed without leaving a trace."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from told import Told

from benchmark.errors import UserError
from benchmark.execution.resources import Wish
from benchmark.execution.run import dry_run, run
from benchmark.execution.serial import run_serial
from benchmark.measure import cost_estimate as cost
from benchmark.measure.cost_estimate import Pace, expected, measure, seconds
from benchmark.progress import Progress
from benchmark.protocol.train_and_evaluate import fit
from benchmark.protocol.work_left import Job, Work, plan, run_job, whole_work, work_left
from benchmark.records.round_store import FULL_DATA
from strategies.registry import Named

FIVE = Work(5, 2, iterations=15)
STRATEGIES = ["random", "core-set", "entropy"]


@pytest.fixture
def bench(small_bench, tmp_path):
    return small_bench(tmp_path, strategies=STRATEGIES)


@pytest.fixture
def untimed(monkeypatch):
    """Fails when anything is timed."""

    def never(*_, **__):
        pytest.fail("timed, though nobody asked")

    monkeypatch.setattr(cost, "training_step", never)
    monkeypatch.setattr(cost, "seconds_of", never)


def lose(bench, strategy, *numbers):
    for number in numbers:
        (bench.store.trajectory("rooms", strategy, 0) / f"round-{number:02d}.json").unlink()


# What is left


def test_a_new_run_has_all_to_do(bench):
    """Three budgets: round 0 is shared; two rounds select, by 0, 1, or 1 and a view's forward passes."""
    assert {job.name: work_left(bench, job) for job in plan(bench.experiment)} == {
        "round-0": Work(1, 0, 1),
        "full-data": Work(1, 0),
        "random": Work(2, 0),
        "core-set": Work(2, 2),
        "entropy": Work(2, 4),
    }


def test_what_is_stored_is_not_counted(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    lose(bench, FULL_DATA, 0)
    lose(bench, "core-set", 2)
    lose(bench, "entropy", 1, 2)
    left = {job.name: work_left(bench, job) for job in plan(bench.experiment)}
    assert left["round-0"] == Work(0, 0)
    assert left["full-data"] == Work(1, 0)
    assert left["core-set"] == Work(1, 0), "the last round trains and selects nothing"
    assert left["entropy"] == Work(2, 2)
    assert left["random"] == Work()
    assert work_left(bench, Job("full-data", 1)) == Work(1, 0), "another seed is another job"


@pytest.mark.parametrize("name", STRATEGIES)
def test_rounds_of_other_code_are_to_be_done(bench, monkeypatch, name):
    assert run_serial(bench, plan(bench.experiment)) == []
    whole = work_left(bench, Job("trajectory", 1, name))
    monkeypatch.setattr(Named, "digests", ("changed",))
    assert work_left(bench, Job("trajectory", 0, name)) == whole
    assert work_left(bench, Job("full-data", 0)) == Work(), "which has no strategy's code in it"


def test_what_follows_a_lost_round_counts_until_it_is_known_to_be_kept(bench):
    assert run_serial(bench, plan(bench.experiment)) == []
    lose(bench, "core-set", 1)
    assert work_left(bench, Job("trajectory", 0, "core-set")) == Work(2, 1)


def test_a_round_zero_is_trained_again_for_what_it_lacks(bench, small_bench):
    run_job(bench, Job("round-0", 0))
    more = small_bench(bench.store.root, strategies=[*STRATEGIES, "learning-loss"])
    assert work_left(more, Job("round-0", 0)) == Work(1, 0), "its loss module is not there"


def test_work_adds_up():
    assert sum([Work(1, 2), Work(3, 4)], Work()) == Work(4, 6)


# What it costs


def test_seconds_are_steps_and_images(bench):
    """3 iterations a training; 6 images of val, 16 of the pool."""
    assert seconds(bench, Work(5, 2, iterations=15), Pace(10.0, 0.0, 0)) == 5 * 3 * 10
    assert seconds(bench, Work(5, 2, iterations=15), Pace(0.0, 1.0, 0)) == 5 * 6 + 2 * 16
    assert seconds(bench, Work(), Pace(1.0, 1.0, 0)) == 0


def test_the_lines_say_work_hours_and_memory(bench, monkeypatch):
    monkeypatch.setattr(cost, "measure", lambda _: Pace(400.0, 50.0, 2048, cores=0.5))
    work, price = expected(bench, FIVE, FIVE, timing=True)
    assert (
        work
        == "5 trainings of 3 iterations to do, each evaluated on 6 images, and 2 passes over the pool of 16"
    )
    assert price.startswith(
        "About 76 min of processor time, 2.5 h at the machine's present load: "
        "400 s an iteration, 50 s an image in evaluation and pool"
    )
    assert price.endswith("; peak memory 2.0 GB")


@pytest.mark.parametrize(
    ("step", "words"),
    [(10.0, "About 4 min of processor time, 4 min at"), (1e6, "About 4,167 h of processor time, 4,167 h at")],
)
def test_a_short_run_is_told_in_minutes_and_a_long_one_in_hours_without_decimals(
    bench, monkeypatch, step, words
):
    monkeypatch.setattr(cost, "measure", lambda _: Pace(step, 1.0, 0))
    assert expected(bench, FIVE, FIVE, timing=True)[1].startswith(words)


def test_on_a_gpu_they_are_the_hours_of_its_clock(bench, monkeypatch):
    monkeypatch.setattr(cost, "measure", lambda _: Pace(400.0, 50.0, 0))
    monkeypatch.setattr(cost, "device_name", lambda device: f"the {device}")
    on_gpu = replace(bench, device=torch.device("cuda:1"))
    assert expected(on_gpu, FIVE, FIVE, timing=True)[1].startswith("About 2.5 h of the cuda:1: ")


def test_a_run_that_goes_on_says_what_is_stored(bench):
    (line,) = expected(bench, Work(9, 4), Work(5, 2), timing=False)
    assert line.startswith("4 trainings of 9 stored; 5 trainings of 3 iterations to do")


def test_the_whole_is_what_an_empty_folder_has_left(bench):
    assert [whole_work(bench, job) for job in plan(bench.experiment)] == [
        work_left(bench, job) for job in plan(bench.experiment)
    ]


# The timing


def test_the_pace_is_that_of_this_machine(bench):
    pace = measure(bench)
    assert 0 < pace.image < pace.step < 60
    assert pace.peak_memory_mb > 0


def test_as_much_is_timed_as_fits_into_the_time():
    asked = []

    def timed(count):
        asked.append(count)
        return 0.5

    assert cost._settled(0.1 * cost.SECONDS + 1e-9, 20, timed) == 0.5
    assert cost._settled(1e-9, 20, timed) == 0.5
    assert asked == [9, 20]
    assert cost._settled(0.6 * cost.SECONDS, 20, timed) == 0.6 * cost.SECONDS
    assert cost._settled(1.0, 1, timed) == 1.0
    assert asked == [9, 20], "one was enough"


def test_a_timing_leaves_no_trace(small_bench, tmp_path):
    timed, untimed = (small_bench(tmp_path / name, strategies=["random"]) for name in ("timed", "untimed"))
    torch.manual_seed(3)
    state = torch.get_rng_state()
    expected(timed, Work(1, 1), Work(1, 1), timing=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(tmp_path.iterdir()) == []
    assert len(timed.val) == len(untimed.val) == 6
    one, two = (fit(b, b.first_set(0), b.streams(0, 0)) for b in (timed, untimed))
    assert one.weights_digest == two.weights_digest
    assert one.metrics == two.metrics


def test_a_recipe_that_diverges_is_timed_all_the_same(small_experiment, tmp_path):
    recipe = {"iterations": 3, "batch_size": 4, "learning_rate": 1e30, "optimiser": "sgd"}
    assert "of processor time" in dry_run(small_experiment(recipe=recipe), tmp_path, Progress(quiet=True))


def test_a_timing_that_fails_stops_nothing(bench, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no memory\nand a long trace")

    monkeypatch.setattr(cost, "training_step", fails)
    lines = expected(bench, Work(1, 0), Work(1, 0), timing=True)
    assert lines[1] == "What it costs is not known, its timing failed: no memory"


# Where it is said


def test_without_timing_the_work_is_said(bench, untimed):
    (line,) = expected(bench, Work(1, 0), Work(1, 0), timing=False)
    assert line.startswith("1 training of 3 iterations to do")


def test_a_dry_run_prints_jobs_and_cost_and_writes_nothing(small_experiment, tmp_path):
    text = dry_run(small_experiment(), tmp_path / "results", Progress(quiet=True))
    assert "2 trainings  random, seed 0" in text
    assert "8 trainings of 3 iterations" in text, "round 0 is one, full data one, and two for each of three"
    assert "of processor time" in text
    assert not (tmp_path / "results").exists()


def test_a_dry_run_need_not_be_timed(small_experiment, tmp_path, untimed):
    text = dry_run(small_experiment(), tmp_path, Progress(quiet=True), timing=False)
    assert text.endswith(
        "8 trainings of 3 iterations to do, each evaluated on 6 images, and 4 passes over the pool of 16"
    )


@pytest.mark.parametrize("refused", [{"engine": "rey"}, {"wish": Wish(2, 2)}, {"tracker": "comet"}])
def test_a_dry_run_refuses_the_place_and_the_tracker_that_a_run_refuses(small_experiment, tmp_path, refused):
    said = []
    for begin in (run, dry_run):
        with pytest.raises(UserError) as error:
            begin(small_experiment(), tmp_path / "results", Progress(quiet=True), **refused)
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.fixture
def short_run(small_experiment, monkeypatch):
    """A run of three trainings; figures would take longer than all the rest."""
    monkeypatch.setattr("benchmark.report.write_report", lambda _: SimpleNamespace(text="", page=None))
    return small_experiment(strategies=["random"], budgets=[4, 7])


def test_a_run_says_its_cost_first_and_a_finished_one_times_nothing(short_run, tmp_path, request):
    first, again = Told(quiet=False), Told(quiet=False)
    run(short_run, tmp_path, first)
    opening, jobs, work, price = first.lines[:4]
    assert (opening, jobs) == ("Opening rooms", f"3 jobs on cpu; results in {tmp_path}")
    assert work.startswith("3 trainings of 3 iterations to do")
    assert re.match(r"About \d+ s of processor time, \d+ s at", price)
    request.getfixturevalue("untimed")
    run(short_run, tmp_path, again)
    assert again.lines == [opening, jobs, "All of it is stored, 3 trainings: nothing is left to train"]


@pytest.mark.parametrize(("progress", "timing"), [(Progress(quiet=True), True), (Told(quiet=False), False)])
def test_a_quiet_run_times_nothing_nor_does_one_that_is_told_so(
    short_run, tmp_path, untimed, progress, timing
):
    run(short_run, tmp_path, progress, timing)
    assert len(list(tmp_path.glob("rooms/random/seed-0/round-*.json"))) == 2
