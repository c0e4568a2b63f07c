"""Which job comes next: what it needs first, the longest first, what the machine failed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.execution.jobs import queue as schedule
from benchmark.execution.jobs.queue import TRIES, Queue, length, longest_first
from benchmark.protocol.work_left import Job, Work, plan, work_left
from benchmark.records.faults import Fault

MACHINE, CODE = Fault("machine", "disk full"), Fault("code", "wrong")
ZERO, FULL = Job("round-0", 0), Job("full-data", 0)
ONE, TWO = Job("trajectory", 0, "random"), Job("trajectory", 0, "entropy")
OTHER = Job("trajectory", 1, "random")


@pytest.fixture
def at_once(monkeypatch):
    """No pause before another try."""
    monkeypatch.setattr(schedule, "PAUSE", 0.0)


def queue(*jobs):
    said = []
    return Queue(jobs, said.append), said


def test_a_trajectory_waits_for_its_round_zero_and_nothing_else_does():
    jobs, _ = queue(ZERO, ONE, FULL, TWO)
    assert [jobs.take() for _ in range(3)] == [ZERO, FULL, None]
    jobs.settle(FULL, None)
    assert jobs.take() is None
    jobs.settle(ZERO, None)
    assert [jobs.take() for _ in range(3)] == [ONE, TWO, None]
    assert jobs.left
    jobs.settle(ONE, None)
    jobs.settle(TWO, None)
    assert not jobs.left
    assert jobs.failures == []


def test_a_round_zero_that_is_no_job_holds_nothing_back():
    assert queue(ONE)[0].take() == ONE


def test_what_the_machine_failed_is_tried_three_times_more(at_once):
    jobs, said = queue(ONE, TWO)
    for _ in range(TRIES):
        assert jobs.take() == ONE
        jobs.settle(ONE, MACHINE)
    assert jobs.take() == TWO, "and then the others go on"
    (failure,) = jobs.failures
    assert (failure.job, failure.reason, failure.tries) == (ONE, "disk full", 4)
    assert said[0] == "random, seed 0: disk full; try 2 of 4 follows"
    assert said[-1] == "FAILED random, seed 0: disk full"


def test_the_next_try_comes_after_a_pause_that_doubles(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    jobs, _ = queue(ONE)
    for pause in (2, 4, 8):
        assert jobs.take() == ONE
        jobs.settle(ONE, MACHINE)
        now[0] += pause - 0.01
        assert jobs.take() is None
        now[0] += 0.02
    assert jobs.take() == ONE


@pytest.mark.parametrize("cause", ["code", "busy"])
def test_what_another_try_cannot_mend_is_not_tried_again(cause):
    jobs, _ = queue(ONE)
    jobs.take()
    jobs.settle(ONE, Fault(cause, "why"))
    assert [(failure.job, failure.tries) for failure in jobs.failures] == [(ONE, 1)]
    assert not jobs.left


def test_a_failed_round_zero_fails_its_trajectories_and_no_others():
    jobs, said = queue(ZERO, ONE, TWO, FULL, OTHER)
    jobs.take()
    jobs.settle(ZERO, CODE)
    assert [(failure.job, failure.reason, failure.tries) for failure in jobs.failures] == [
        (ZERO, "wrong", 1),
        (ONE, "round 0 of seed 0 failed", 0),
        (TWO, "round 0 of seed 0 failed", 0),
    ]
    assert [jobs.take(), jobs.take(), jobs.take()] == [FULL, OTHER, None]
    assert said == ["FAILED round-0, seed 0: wrong"]


@given(st.data())
def test_every_job_ends_once_whatever_happens(data):
    """Any faults, any number of devices: each job succeeds or fails once, after what it needs."""
    patch = pytest.MonkeyPatch()
    patch.setattr(schedule, "PAUSE", 0.0)
    names = ("random", "entropy")
    planned = [j for s in range(2) for j in (Job("round-0", s), *(Job("trajectory", s, n) for n in names))]
    jobs, slots = Queue(planned, lambda _: None), data.draw(st.integers(1, 4))
    running, succeeded = [], []
    while jobs.left:
        while len(running) < slots and (job := jobs.take()):
            assert job.needs is None or job.needs in succeeded
            running.append(job)
        job = running.pop(data.draw(st.integers(0, len(running) - 1)))
        fault = data.draw(st.sampled_from([None, None, MACHINE, CODE]))
        jobs.settle(job, fault)
        succeeded += [job] if fault is None else []
    patch.undo()
    assert sorted([*succeeded, *(f.job for f in jobs.failures)], key=repr) == sorted(planned, key=repr)


def test_the_longest_come_first_after_all_round_zeros(small_bench, tmp_path):
    bench = small_bench(tmp_path, strategies=["random", "core-set", "entropy"], seeds=[0, 1])
    jobs = {job: work_left(bench, job) for job in plan(bench.experiment)}
    order = longest_first(bench, jobs)
    assert [job.kind for job in order[:2]] == ["round-0"] * 2
    assert [job.name for job in order[2:]] == [
        *("entropy", "entropy", "core-set", "core-set", "random", "random", "full-data", "full-data")
    ]
    lengths = [length(bench, jobs[job]) for job in order[2:]]
    assert lengths == sorted(lengths, reverse=True)


def test_length_counts_images_through_the_network(small_bench, tmp_path):
    """3 iterations of 4 images, three times each; 6 images of val a training; 16 of the pool a pass."""
    assert length(small_bench(tmp_path), Work(2, 5, iterations=6)) == 2 * (3 * 3 * 4 + 6) + 5 * 16
