"""The constant prediction of every seed: stored once, of the first set, added to results that lack it."""

import shutil

import pytest

from benchmark.execution.jobs.finished import is_stored, to_do
from benchmark.protocol.jobs import Job, plan
from benchmark.protocol.work_left import Work, run_job, work_left
from benchmark.records.results_folder import write_head, write_results
from benchmark.records.round_store import CONSTANT
from benchmark.records.status import status_table
from benchmark.report import write_report
from benchmark.report.results.load import read_results


@pytest.fixture(scope="module")
def bench(small_bench, tmp_path_factory):
    """A study of random, played to its end."""
    bench = small_bench(tmp_path_factory.mktemp("constant"), strategies=["random"])
    for job in plan(bench.experiment):
        run_job(bench, job)
    write_head(bench.experiment, bench, bench.store.root, {})
    write_results(bench.store)
    return bench


def stored(bench):
    return bench.store.read(bench.dataset.name, CONSTANT, 0, 0)


def test_it_is_stored_beside_round_0_with_the_first_set(bench):
    done = stored(bench)
    assert done.labelled == bench.store.read(bench.dataset.name, "random", 0, 0).labelled
    tasks = {task.name for task in bench.dataset.tasks}
    assert set(done.metrics) == {*tasks, "total"}
    assert set(done.strategy_state["constants"]) == tasks
    assert all("initial_loss" not in metrics for metrics in done.metrics.values())


def test_the_total_is_the_weighted_sum_of_its_losses(bench):
    done = stored(bench)
    expected = sum(task.weight * done.metrics[task.name]["loss"] for task in bench.dataset.tasks)
    assert done.metrics["total"]["loss"] == pytest.approx(expected)


def test_it_is_in_the_table_and_no_strategy(bench):
    results = read_results(bench.store.root)
    assert results.strategies == ["random"]
    assert len(results.constants("rooms")) > 0
    text = write_report(bench.store.root).text
    assert [line for line in text.splitlines() if line.startswith("constant ")]
    assert "Validity of rooms" in text
    assert CONSTANT not in status_table(bench.store.root)


def test_it_is_computed_once(bench):
    before = stored(bench)
    assert work_left(bench, Job("round-0", 0)) == Work()
    run_job(bench, Job("round-0", 0))
    assert stored(bench) == before


def test_finished_results_that_lack_it_get_it(bench):
    shutil.rmtree(bench.store.trajectory(bench.dataset.name, CONSTANT, 0))
    jobs = {job: work_left(bench, job) for job in plan(bench.experiment)}
    assert sum(jobs.values(), Work()) == Work(constants=1)
    (job,) = to_do(bench, jobs)
    assert job == Job("round-0", 0)
    assert not is_stored(bench, job)
    run_job(bench, job)
    assert stored(bench) is not None
    assert is_stored(bench, job)
