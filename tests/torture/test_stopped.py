"""What asks a run to end, and two runs at once: exit codes, in time, and nothing lost."""

import random
import signal
import time
from importlib.util import find_spec

import pytest
from harness import assert_gone, assert_same, begun, round_files

SOON = 30.0  # seconds within which a signal ends everything
TIMES = 5


def test_of_two_commands_at_once_one_trains_and_a_signal_ends_it(study, run, injected, tmp_path):
    with injected("two commands on one folder"):
        pair = [run(study, tmp_path / "out") for _ in range(2)]
        pair[0].until(lambda: not all(command.process.is_alive() for command in pair))
        second, first = sorted(pair, key=lambda command: command.process.is_alive())
        assert second.code() == 75, second.said
        assert "another process" in second.said
        first.until(lambda: round_files(tmp_path / "out"))
    with injected("SIGTERM or SIGUSR1, one job at a time"):
        first.strike(signal.SIGTERM)
        assert first.code(SOON) == 143, first.said
        assert "Terminated. Run the same command to go on" in first.said
        assert "Traceback" not in first.said
        assert_gone(first, 0)


@pytest.mark.slow
def test_terminated_again_and_again(study, undisturbed, run, terminated, tmp_path):
    for _ in range(TIMES):
        started, command = time.monotonic(), run(study, tmp_path / "out")
        command.until(lambda: "jobs on cpu" in command.said)  # noqa: B023 - called in this turn
        terminated("SIGTERM or SIGUSR1, one job at a time", command, time.monotonic() - started)
    last = run(study, tmp_path / "out")
    assert last.code() == 0, last.said
    assert_same(tmp_path / "out", undisturbed(study))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`")
def test_ray_terminated_again_and_again(long_study, undisturbed, run, ray_at_work, terminated, tmp_path):
    for _ in range(TIMES):
        command, _, seconds = ray_at_work(long_study, tmp_path / "out")
        terminated("SIGTERM or SIGUSR1, Ray", command, seconds)
    last = run(long_study, tmp_path / "out")
    assert last.code() == 0, last.said
    assert_same(tmp_path / "out", undisturbed(long_study))


@pytest.fixture
def terminated(injected, tmp_path):
    """Ends a run at work, after a moment of its own choosing."""
    rng = random.Random(1)

    def end(fault, command, seconds):
        with injected(fault) as row:
            row.seconds.append(seconds)
            time.sleep(rng.uniform(0, 1))
            row.lost += begun(tmp_path / "out")
            command.strike(rng.choice((signal.SIGTERM, signal.SIGUSR1)))
            assert command.code(SOON) == 143, command.said
            assert_gone(command)

    return end
