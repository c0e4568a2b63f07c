"""Whose fault it is decides whether another try can help."""

import errno
import os

import pytest
import torch

from benchmark.errors import BusyError, UserError
from benchmark.records.faults import ERROR, fault_of, kept_error
from strategies.registry import RegistryError


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


def system(name):
    number = getattr(errno, name)
    return OSError(number, os.strerror(number), "a/file")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (system("ENOSPC"), "machine"),
        (system("ESTALE"), "machine"),
        (system("EIO"), "machine"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "machine"),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "machine"),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), "machine"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "machine"),
        (RuntimeError("DataLoader worker (pid 12) is killed by signal: Killed. "), "machine"),
        (RuntimeError("DataLoader worker (pid(s) 12) exited unexpectedly"), "machine"),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), "code"),
        (RuntimeError("out of ideas"), "code"),
        (ValueError("CUDA error in my words"), "code"),
        (system("ENOENT"), "code"),
        (system("EACCES"), "code"),
        (OSError("on purpose"), "code"),
        (MemoryError(), "code"),
        (UserError("a wrong field."), "code"),
        (RegistryError("no such strategy."), "code"),
        (BusyError("another process."), "busy"),
    ],
)
def test_the_cause(error, cause, tmp_path):
    assert fault_of(raised(error), tmp_path).cause == cause


def test_what_it_was_raised_from_counts(tmp_path):
    disk = raised(system("ESTALE"))
    assert fault_of(raised(UserError("image 3 cannot be read."), disk), tmp_path).cause == "machine"
    assert (
        fault_of(raised(UserError("image 3 cannot be read."), raised(system("ENOENT"))), tmp_path).cause
        == "code"
    )


def test_an_unexpected_error_keeps_its_traceback_and_says_where(tmp_path):
    home = tmp_path / "new"
    fault = fault_of(raised(ValueError("first line\nsecond line")), home)
    assert fault.reason == f"ValueError: first line (see {home / ERROR})"
    text = (home / ERROR).read_text()
    assert text.startswith("Traceback")
    assert "second line" in text
    assert kept_error(home) == "second line"


def test_an_expected_error_is_its_sentence(tmp_path):
    assert fault_of(raised(UserError("budgets: must grow.")), tmp_path).reason == "budgets: must grow."
    assert kept_error(tmp_path) == "budgets: must grow."


def test_another_process_s_folder_is_left_alone(tmp_path):
    fault_of(raised(BusyError("another process.")), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert kept_error(tmp_path) is None


def test_a_full_disk_does_not_hide_the_fault(tmp_path, monkeypatch):
    def full(*_):
        raise system("ENOSPC")

    monkeypatch.setattr("benchmark.records.faults.write_atomically", full)
    fault = fault_of(raised(system("ENOSPC")), tmp_path)
    assert fault.cause == "machine"
    assert ERROR not in fault.reason, "which is not there"
    assert kept_error(tmp_path) is None
