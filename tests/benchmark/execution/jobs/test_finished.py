"""Which jobs are left: told by the stored rounds and their keys, without training anything."""

import shutil

import pytest

from benchmark.execution.jobs.finished import to_do
from benchmark.execution.serial import run_serial
from benchmark.protocol.work_left import Job, plan, work_left

FIRST, FULL = Job("round-0", 0), Job("full-data", 0)
RANDOM, LOSS = Job("trajectory", 0, "random"), Job("trajectory", 0, "learning-loss")
STRATEGIES = ["random", "learning-loss"]


def left(bench):
    return list(to_do(bench, {job: work_left(bench, job) for job in plan(bench.experiment)}))


@pytest.fixture(scope="module")
def done(small_bench, tmp_path_factory):
    bench = small_bench(tmp_path_factory.mktemp("done"), strategies=STRATEGIES)
    assert left(bench) == [FIRST, FULL, RANDOM, LOSS], "at first everything is"
    assert run_serial(bench, plan(bench.experiment)) == []
    return bench


def test_nothing_is_left_of_a_finished_run(done):
    assert left(done) == []


@pytest.mark.parametrize(
    ("lost", "jobs"),
    [
        ("random/seed-0/round-02.json", [RANDOM]),
        ("full-data", [FULL]),
        ("round-0", []),
        ("learning-loss", [LOSS]),
    ],
)
def test_what_is_lost_is_left_and_round_zero_only_if_somebody_needs_it(
    done, small_bench, tmp_path, lost, jobs
):
    shutil.copytree(done.store.root, tmp_path / "copy")
    path = tmp_path / "copy/rooms" / lost
    path.unlink() if path.is_file() else shutil.rmtree(path)
    assert left(small_bench(tmp_path / "copy", strategies=STRATEGIES)) == jobs


def test_a_round_zero_without_a_strategy_s_companion_is_left(small_bench, tmp_path):
    bench = small_bench(tmp_path, strategies=["random"], full_data=False)
    assert run_serial(bench, plan(bench.experiment)) == []
    more = small_bench(tmp_path, strategies=STRATEGIES, full_data=False)
    assert left(more) == [FIRST, LOSS]


def test_other_settings_leave_everything(done, small_bench, tmp_path):
    shutil.copytree(done.store.root, tmp_path / "copy")
    recipe = {**done.experiment.recipe.model_dump(), "iterations": 4}
    assert len(left(small_bench(tmp_path / "copy", strategies=STRATEGIES, recipe=recipe))) == 4


def test_a_strategy_whose_file_was_edited_is_left(small_bench, tmp_path, own_registry, monkeypatch):
    from strategies import registration, registry

    file = tmp_path / "own.py"
    text = (
        "from strategies import Selection, Strategy, register\n"
        '@register("own", source="a test")\n'
        "class Own(Strategy):\n"
        "    def select(self, pool, budget):\n"
        "        return Selection(pool.unlabelled[:budget])\n"
    )
    file.write_text(text)
    changes = {"strategies": [f"{file}:own"], "full_data": False, "budgets": [4, 7]}
    bench = small_bench(tmp_path / "out", **changes)
    assert run_serial(bench, plan(bench.experiment)) == []
    assert left(bench) == []
    file.write_text(text.replace("[:budget]", "[-budget:]"))
    registry.STRATEGIES.entries.pop("own")  # as a new process finds it
    registration._LOADED.clear()
    assert left(small_bench(tmp_path / "out", **changes)) == [Job("trajectory", 0, f"{file}:own")]
