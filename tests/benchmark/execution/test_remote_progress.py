"""What a driver shows of jobs that run elsewhere, by what they leave in their folders."""

from dataclasses import asdict, replace

import pytest
from told import Told

from benchmark.execution.jobs.process import LOG
from benchmark.execution.remote_progress import Follower
from benchmark.protocol.jobs import folder_of
from benchmark.protocol.work_left import Job, Work
from benchmark.records.heartbeat import STATUS, Sign
from benchmark.records.round_store import to_json

JOB, OTHER = Job("trajectory", 0, "random"), Job("full-data", 0)
AWAY = Sign("elsewhere", 7, "cpu", 1, 0, 20, 0, 5.0, 2e9)


class Paced(Told):
    """Keeps the lines, and what was skipped."""

    def __init__(self):
        super().__init__(quiet=False)
        self.skipped = 0

    def skip(self, iterations):
        super().skip(iterations)
        self.skipped += iterations


@pytest.fixture
def bench(small_bench, tmp_path):
    opened = replace(small_bench(tmp_path, recipe={"iterations": 10}), progress=Paced())
    opened.progress.begin(30)
    folder_of(opened, JOB).mkdir(parents=True)
    return opened


@pytest.fixture
def seen(bench):
    """What is known after a look at this sign of a job."""
    follower = Follower(bench, {JOB: Work(2, iterations=20), OTHER: Work(1, iterations=10)})

    def look(**changes):
        sign = replace(AWAY, **changes)
        (folder_of(bench, JOB) / STATUS).write_bytes(to_json(asdict(sign)))
        follower.look(JOB)
        return bench.progress.done, bench.progress.skipped

    look.follower = follower
    return look


def test_what_a_checkpoint_held_is_done_and_says_nothing_of_the_pace(seen):
    assert seen() == (0, 0)
    assert seen(done=8, skipped=6) == (8, 6)
    assert seen(done=9, skipped=6) == (9, 6), "it is counted once"
    assert seen(done=14, skipped=9) == (14, 9), "the next round had a checkpoint, too"


def test_what_a_lost_process_of_this_run_did_was_done_in_this_run(seen):
    assert seen(done=5) == (5, 0)
    assert seen(pid=8, done=4, skipped=4) == (4, 0), "one iteration was lost"
    assert seen(pid=8, done=6, skipped=4) == (6, 0)


def test_a_job_that_is_done_is_done_whatever_it_said(seen, bench):
    seen(done=3)
    seen.follower.look(JOB, done=True)
    assert bench.progress.done == 20


def test_a_job_that_was_lost_is_as_far_as_it_was(seen):
    assert seen(done=5) == (5, 0)
    assert seen(done=5, updated=0.0) == (5, 0), "its last sign is old"


def test_lines_are_passed_on_once_and_whole_but_not_those_of_an_earlier_run(bench):
    log = folder_of(bench, JOB) / LOG
    log.write_text("of an earlier run\n")
    follower = Follower(bench, {JOB: Work(2, iterations=20)})
    for text in ("one\ntw", "o\n"):
        with log.open("a") as stream:
            stream.write(text)
        follower.look(JOB)
        follower.look(JOB)
    assert bench.progress.lines == ["one", "two"]
