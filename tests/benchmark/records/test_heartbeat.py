"""Signs of life: where a job runs and how far it is, and when nothing stands behind them any more."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from benchmark.progress import Progress
from benchmark.records import heartbeat as module
from benchmark.records.heartbeat import SILENT, STATUS, Live, Sign, live, read_sign


@pytest.fixture
def sign(tmp_path):
    Live(tmp_path, "cpu", 100).at_round(3)
    return read_sign(tmp_path)


def test_it_says_where_and_how_far(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    progress, before = Progress(quiet=True), time.time()
    with live(progress, tmp_path, "GPU 2", 10):
        assert read_sign(tmp_path) is None, "not before the job holds its folder"
        progress.at_round(4)
        for _ in range(3):
            progress.advance()
        sign = read_sign(tmp_path)
    assert (sign.host, sign.pid, sign.device) == (socket.gethostname(), os.getpid(), "GPU 2")
    assert (sign.round, sign.done, sign.total) == (4, 3, 10)
    assert before - 0.01 <= sign.updated <= time.time()
    assert 0 <= sign.seconds <= time.time() - before + 0.01
    assert read_sign(tmp_path) is None, "and nothing is left of it"
    progress.advance()
    assert list(tmp_path.iterdir()) == []


def test_it_is_written_every_few_seconds_only(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(module, "write_atomically", lambda *_: written.append(1))
    job = Live(tmp_path, "cpu", 1000)
    for _ in range(1000):
        job.advance()
    assert len(written) == 1


def test_a_job_that_never_had_its_folder_leaves_another_s_sign(tmp_path, sign):
    with live(Progress(quiet=True), tmp_path, "cpu", 10):
        pass
    assert read_sign(tmp_path) == sign


def test_a_full_disk_does_not_stop_the_job(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_atomically", full)
    Live(tmp_path, "cpu", 10).at_round(0)


def test_a_living_process_is_not_lost_however_long_it_is_silent(sign):
    assert not sign.lost
    assert not replace(sign, updated=sign.updated - 10 * SILENT).lost


def test_a_process_that_is_gone_is_lost(sign):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert replace(sign, pid=child.pid).lost


def test_a_killed_process_that_nobody_asked_about_is_lost(sign):
    child = subprocess.Popen(["sleep", "60"])
    try:
        of_child = replace(sign, pid=child.pid, begun=module._begun(child.pid))
        assert not of_child.lost
        child.kill()
        deadline = time.monotonic() + 5
        while not of_child.lost:  # it stays as a zombie
            assert time.monotonic() < deadline
    finally:
        child.wait()


def test_a_later_process_of_the_same_number_is_another(sign):
    """After a restart of the machine, say."""
    assert replace(sign, begun=sign.begun + 1).lost


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_is_set_changes_nothing_on_this_host(tmp_path, sign, monkeypatch, hours):
    """Neither who lives nor how long the rest takes: both are told by clocks that nobody sets."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600 * hours)
    assert not sign.lost
    job = Live(tmp_path, "cpu", 2)
    job.advance()
    job.at_round(0)
    assert 0 <= read_sign(tmp_path).seconds_left < 60
    assert replace(sign, begun=sign.begun + 1).lost


def test_another_host_is_lost_after_long_silence(sign):
    away = replace(sign, host="elsewhere", pid=1)
    assert not away.lost
    assert not replace(away, updated=away.updated - SILENT + 60).lost
    assert replace(away, updated=away.updated - SILENT - 1).lost


def test_the_rest_takes_as_long_as_the_first_part_did():
    sign = Sign("h", 1, "cpu", 0, done=25, total=100, begun=0, seconds=10.0, updated=1010.0)
    assert sign.seconds_left == 30.0
    assert replace(sign, done=0).seconds_left is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"host": "a"}', None])
def test_what_cannot_be_read_is_no_sign(tmp_path, sign, content):
    if content is None:
        content = json.dumps(asdict(sign) | {"done": "many"})
    (tmp_path / STATUS).write_text(content)
    assert read_sign(tmp_path) is None
