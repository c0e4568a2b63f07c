"""A run computes on what CUDA can open, and says in one sentence what it cannot."""

import warnings

import pytest
import torch

from benchmark.doctor.devices import device_findings, devices_here
from benchmark.errors import UserError
from benchmark.training.hardware.devices import Usable, pick_device, usable_gpus

OLD = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040)."


@pytest.fixture
def machine(monkeypatch):
    """Makes CUDA say that it is there or not, and the driver list so many GPUs."""

    def make(listed, opens, said=""):
        def asked():
            if said:
                warnings.warn(f"{said} Please update. (Triggered internally at x.cpp:1.)", stacklevel=2)
            return opens

        monkeypatch.setattr(torch.cuda, "device_count", lambda: listed)
        monkeypatch.setattr(torch.cuda, "is_available", asked)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (70 << 30, 80 << 30))

    return make


def test_auto_is_the_first_gpu_or_the_cpu(machine):
    machine(2, opens=True)
    assert pick_device("auto") == torch.device("cuda:0")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    assert pick_device("cpu") == torch.device("cpu")
    machine(0, opens=False)
    with warnings.catch_warnings(action="error"):
        assert pick_device("auto") == torch.device("cpu")


def test_a_driver_that_cuda_cannot_open_means_the_cpu_and_a_word_about_it(machine):
    machine(4, opens=False, said=OLD)
    with pytest.warns(UserWarning, match="on the CPU: the driver lists 4 GPUs, .*open none of them.*too old"):
        assert pick_device("auto") == torch.device("cpu")
    assert usable_gpus() == Usable(0, 4, f"{OLD} Please update")


@pytest.mark.parametrize(
    ("listed", "opens", "asked", "words"),
    [
        (4, False, "cuda", "the driver lists 4 GPUs, and CUDA can open none of them (CUDA initialization"),
        (1, True, "cuda:1", "this machine has 1 CUDA device (use cpu"),
        (0, False, "cuda", "this machine has 0 CUDA devices"),
    ],
)
def test_a_gpu_that_was_asked_for_and_is_not_there(machine, listed, opens, asked, words):
    machine(listed, opens, OLD if not opens else "")
    with pytest.raises(UserError, match=f"device: {asked} is not there") as caught:
        pick_device(asked)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("asked", ["auto", "cuda:0"])
def test_a_gpu_that_another_program_holds_alone(machine, monkeypatch, asked):
    machine(1, opens=True)
    busy = "CUDA error: all CUDA-capable devices are busy or unavailable\nand advice of many lines"

    def fail(*_):
        raise RuntimeError(busy)

    monkeypatch.setattr(torch.cuda, "mem_get_info", fail)
    with pytest.raises(UserError, match=r"cuda:0 cannot be opened \(CUDA error: all .* unavailable\)"):
        pick_device(asked)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    (found,) = device_findings(devices_here())
    assert (found.word, "cannot be opened (CUDA error: all" in found.found) == ("problem", True)


def test_the_doctor_says_of_that_driver_what_a_run_does(machine):
    machine(4, opens=False, said=OLD)
    (auto,), (explicit,) = (device_findings(devices_here(), device) for device in ("auto", "cuda"))
    assert (auto.word, explicit.word) == ("warning", "problem")
    assert "too old" in auto.found


@pytest.mark.filterwarnings("ignore:everything runs on the CPU")
def test_a_test_that_is_not_marked_for_it_gets_no_gpu_where_there_is_one():
    assert pick_device("auto") == torch.device("cpu")
