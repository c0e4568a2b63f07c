"""What outlives a killed command: ended if it belongs to that command's Ray, and left alone if not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import os, subprocess, sys, time
from benchmark.execution.ray.cleanup import reaped
folder = sys.argv[1]
def outliving(session, **how):
    logs = os.path.join(folder, session, "logs")
    os.makedirs(logs, exist_ok=True)
    with open(os.path.join(logs, "out"), "w") as log:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=log, **how)
with reaped():
    mine = f"session_2026-11-23_06-22-11_249852_{os.getpid()}"
    processes = [outliving(mine), outliving("session_of_another_1"), outliving(mine, start_new_session=True)]
    print(*(process.pid for process in processes), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def command(tmp_path):
    """A command at work, with what it started: a process of its Ray, another's, one of another terminal."""
    words = [sys.executable, "-c", COMMAND, str(tmp_path)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    started = [int(number) for number in process.stdout.readline().split()]
    yield process, started
    for number in started[1:]:
        os.kill(number, signal.SIGKILL)
    process.communicate()


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_command_s_ray_ends_and_nothing_else(command):
    process, (ray, other, elsewhere) = command
    process.kill()
    process.communicate(timeout=60)  # the reaper says nothing, but may until it ends
    assert not alive(ray)
    assert alive(other)
    assert alive(elsewhere)


def test_at_the_end_of_the_block_it_has_ended(command):
    process, (ray, other, elsewhere) = command
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert not alive(ray)
    assert alive(other)
    assert alive(elsewhere)
