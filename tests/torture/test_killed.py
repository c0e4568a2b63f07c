"""SIGKILL at random moments: the same command goes on, and ends with the numbers of an undisturbed run."""

import os
import random
import signal
import time
from contextlib import suppress
from importlib.util import find_spec

import pytest
from harness import assert_gone, assert_same, begun

#: Kills before a run is let through: some of training, some of what comes after it.
IN_A_ROW = 10


@pytest.fixture
def strike(run, injected):
    """Starts a run, lets it work for a moment of its own choosing, and kills it."""

    def once(file, folder, row, rng):
        command, started = run(file, folder), time.monotonic()
        if rng.random() < 0.8:  # the others while it opens the data
            command.until(lambda: "jobs on cpu" in command.said)
            row.seconds.append(time.monotonic() - started)
        time.sleep(rng.uniform(0, 1.5))
        row.lost += begun(folder)
        command.strike()
        assert command.code() == -signal.SIGKILL, command.said
        assert_gone(command)

    return once


@pytest.mark.parametrize("kills", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_again_and_again(kills, brief_study, study, undisturbed, run, strike, injected, tmp_path):
    rng = random.Random(kills)
    study = brief_study if kills == 1 else study
    for first in range(0, kills, IN_A_ROW):
        folder, times = tmp_path / f"from-{first}", min(IN_A_ROW, kills - first)
        with injected("SIGKILL, one job at a time", times) as row:
            for _ in range(times):
                strike(study, folder, row, rng)
            last = run(study, folder)
            assert last.code() == 0, last.said
            assert_same(folder, undisturbed(study))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`")
@pytest.mark.parametrize("folder", ["first", "second"])
def test_jobs_and_commands_killed_in_turn(
    long_study, undisturbed, run, ray_at_work, injected, tmp_path, folder
):
    """What Ray began is ended one job at a time."""
    rng, times, folder = random.Random(folder), IN_A_ROW // 2, tmp_path / folder
    with (
        injected("SIGKILL of a job, two at a time by Ray", times) as worker,
        injected("SIGKILL of the command, Ray", times) as driver,
    ):
        for _ in range(times):
            command, found, seconds = ray_at_work(long_study, folder)
            driver.seconds.append(seconds)
            with suppress(ProcessLookupError):
                os.kill(rng.choice(found).pid, signal.SIGKILL)
            worker.lost += 1
            time.sleep(rng.uniform(0, 4))
            driver.lost += begun(folder)
            command.strike()
            assert command.code() == -signal.SIGKILL, command.said
            assert_gone(command)
        last = run(long_study, folder)
        assert last.code() == 0, last.said
        assert_same(folder, undisturbed(long_study))
