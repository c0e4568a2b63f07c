"""A study that trains on the rest of the pool too: all strategies alike, its work counted, keys its own."""

from benchmark.measure.cost_estimate import expected
from benchmark.protocol.round_key import key_of
from benchmark.protocol.work_left import Work, plan, run_job, work_left

RECIPE = {"iterations": 2, "batch_size": 4, "evaluation_batch_size": 8}


def opened(small_bench, folder, **recipe):
    return small_bench(
        folder, strategies=["random", "core-set"], budgets=[4, 16], recipe={**RECIPE, **recipe}
    )


def test_its_work_is_counted_and_progress_ends_at_its_end(small_bench, tmp_path):
    bench = opened(small_bench, tmp_path, unlabelled="pseudo")
    jobs = list(plan(bench.experiment))
    left = sum((work_left(bench, job) for job in jobs), Work())
    # Round 0 has unlabelled images, an iteration on which counts twice; full data and the last budget none.
    assert left.iterations == 2 * 3 + 2 + 2 * 2
    assert "of 12 iterations in all" in expected(bench, left, left, timing=False)[0]
    bench.progress.begin(left.iterations)
    for job in jobs:
        run_job(bench, job)
    assert bench.progress.done == bench.progress.total
    assert {work_left(bench, job) for job in jobs} == {Work()}


def test_its_keys_are_its_own_and_those_of_others_stay(small_bench, tmp_path):
    keys = {
        said: key_of(opened(small_bench, tmp_path, **recipe), "random", 0, 0, ["a"], None)
        for said, recipe in {
            "nothing": {},
            "none": {"unlabelled": "none"},
            "pseudo": {"unlabelled": "pseudo"},
            "weight": {"unlabelled": "pseudo", "pseudo_weight": 1.0},
        }.items()
    }
    assert keys["nothing"] == keys["none"]
    assert len(set(keys.values())) == 3
