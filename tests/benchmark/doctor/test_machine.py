"""`mtal doctor` on machines: versions, devices and threads that are as they should be, or not."""

import os
from types import SimpleNamespace

import pytest
import torch
from findings import GB, words

from benchmark.doctor import (
    devices,
    packages,
)
from benchmark.doctor.devices import Devices, Gpu, device_findings, supported
from benchmark.doctor.finding import ok, warning
from benchmark.doctor.packages import in_range, range_findings
from benchmark.doctor.threads import thread_findings
from benchmark.training.hardware.cores import Cores, cores_here, group_limit, threads_for
from benchmark.words import amount_of_bytes

H200 = Gpu("NVIDIA H200", 140 * GB, 150 * GB, (9, 0), bf16=True)


BUILT_FOR = ("sm_75", "sm_80", "sm_86", "sm_90")


def test_a_line_says_word_check_find_and_what_to_do():
    assert ok("memory", "8 GB").text == "8 GB"
    assert warning("memory", "1 GB", "End others.").text == "1 GB. End others."
    assert [*map(amount_of_bytes, (999, 1234, 5e13))] == ["999 B", "1.23 kB", "50 TB"]


class TestPackages:
    @pytest.mark.parametrize(
        ("found", "wanted", "expected"),
        [
            ("2.11.0+cpu", ">=2.11,<2.16", True),
            ("2.16.0", ">=2.11,<2.16", False),
            ("2.9", ">=2.11", False),
            ("3.11.7", ">=3.11", True),
            ("3.9", "<3.13,>=3.9", True),
            ("1.0", "==1.0.0", True),
            ("1.0.1", "!=1.0.1", False),
            ("7", "", True),
        ],
    )
    def test_ranges(self, found, wanted, expected):
        assert in_range(found, wanted) is expected

    def test_each_that_is_missing_or_out_of_range_is_named(self):
        there = {"torch": "2.10.1", "numpy": "2.4.6", "faiss-cpu": "1.0"}
        wanted = [
            "torch<2.16,>=2.11",
            "numpy>=2.1",
            "scipy>=1.14",
            "faiss-cpu>=1.14.2; sys_platform != 'linux'",
            "faiss-gpu>=1.14.3; sys_platform == 'linux'",
            "ray>=2.52; extra == 'cluster'",
        ]
        right, *wrong = range_findings(wanted, there.get)
        assert right == ok("packages", "1 in the ranges of pyproject.toml")
        assert words(wrong) == ["problem"] * 3
        assert [finding.found for finding in wrong] == [
            "torch 2.10.1, and <2.16,>=2.11 is needed",
            "scipy is missing, and >=1.14 is needed",
            "faiss-cpu 1.0, and >=1.14.2 is needed",
        ]

    def test_python_of_another_version(self):
        assert packages.python_finding("3.11.7", ">=3.11").word == "ok"
        assert packages.python_finding("3.10.2", ">=3.11").word == "problem"

    def test_a_torchvision_of_another_torch(self):
        def call():
            raise RuntimeError("operator torchvision::nms does not exist\nmore")

        found = packages.pair_finding(call)
        assert found.word == "problem"
        assert "(operator torchvision::nms does not exist)" in found.found
        assert packages.pair_finding().word == "ok"

    def test_neighbours_without_faiss(self):
        assert packages.faiss_finding(lambda: None).word == "warning"
        assert packages.faiss_finding(lambda: SimpleNamespace(__version__="1.15")) == ok("faiss", "1.15")

    def test_this_environment_is_sound(self):
        assert "problem" not in words(packages.package_findings())


class TestDevices:
    def test_a_gpu_in_order(self):
        (found,) = device_findings(Devices((H200,), "13.0", BUILT_FOR, driver=True))
        assert found.word == "ok"
        assert found.found == "0: NVIDIA H200, 140 GB free of 150 GB, compute capability 9.0, bf16"

    def test_a_gpu_that_others_fill_one_too_new_and_one_without_bf16(self):
        full = Gpu("A", 1 * GB, 80 * GB, (8, 0), bf16=True)
        new = Gpu("B", 80 * GB, 80 * GB, (12, 0), bf16=True)
        old = Gpu("T4", 15 * GB, 16 * GB, (7, 5), bf16=False)
        gpus = Devices((full, new, old), "13.0", BUILT_FOR, driver=True)
        assert words(device_findings(gpus)) == ["warning", "problem", "ok"]
        assert words(device_findings(gpus, precision="bf16")) == ["warning", "problem", "warning"]

    @pytest.mark.parametrize(
        ("driver", "cuda", "device", "expected"),
        [
            (False, "13.0", "auto", "ok"),
            (False, None, "cuda", "problem"),
            (True, "13.0", "auto", "warning"),
            (True, None, "cpu", "warning"),
            (True, "13.0", "cuda:1", "problem"),
        ],
    )
    def test_without_a_gpu(self, driver, cuda, device, expected):
        (found,) = device_findings(Devices((), cuda, (), driver, "the driver is too old"), device)
        assert found.word == expected
        assert ("the driver is too old" in found.found) == bool(driver and cuda)

    @pytest.mark.parametrize(
        ("capability", "built_for", "expected"),
        [
            ((8, 9), ("sm_86",), True),
            ((8, 0), ("sm_86",), False),
            ((9, 0), ("sm_86",), False),
            ((9, 0), ("compute_80",), True),
            ((12, 0), ("sm_90", "sm_120"), True),
            ((9, 0), ("sm_90a",), True),
            ((7, 0), (), True),
        ],
    )
    def test_code_for_a_capability(self, capability, built_for, expected):
        assert supported(capability, built_for) is expected

    def test_this_machine(self):
        here = devices.devices_here()
        assert len(here.gpus) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
        assert words(device_findings(here))


class TestThreads:
    @pytest.mark.parametrize(
        ("cores", "wanted", "expected"),
        [
            (Cores(8, 8), None, "ok"),
            (Cores(8, 2), None, "ok"),
            (Cores(8, 8, 1.5), None, "ok"),
            (Cores(8, 2), 4, "warning"),
            (Cores(8, 8, 1.5), 2, "warning"),
            (Cores(8, 8, 1.5), 1, "ok"),
            (Cores(8, 8, 0.2), 1, "ok"),
            (Cores(2, 2), 64, "warning"),
        ],
    )
    def test_threads_against_cores(self, cores, wanted, expected):
        assert words(thread_findings(cores, {}, wanted)) == [expected]

    @pytest.mark.parametrize(("value", "count"), [("1", 1), ("4", 1), ("", 1), ("0", 2), ("x", 2), ("64", 2)])
    def test_variables_that_are_odd(self, value, count):
        assert len(thread_findings(Cores(4, 4), {"OMP_NUM_THREADS": value}, None)) == count

    @pytest.mark.parametrize(
        ("asked", "cores", "expected"),
        [
            ("", Cores(8, 8), 8),
            ("", Cores(8, 2), 2),
            ("", Cores(8, 8, 1.5), 1),
            ("3", Cores(8, 8), 3),
            ("64", Cores(8, 4), 4),
            ("0", Cores(8, 8), 8),
            ("many", Cores(8, 8), 8),
        ],
    )
    def test_threads_of_a_run_that_names_none(self, asked, cores, expected):
        assert threads_for(asked, cores) == expected

    def test_the_tightest_group_counts(self, tmp_path):
        inner = tmp_path / "cgroup" / "user" / "job"
        inner.mkdir(parents=True)
        (inner / "cpu.max").write_text("max 100000\n")
        (inner.parent / "cpu.max").write_text("150000 100000\n")
        membership = tmp_path / "membership"
        membership.write_text("0::/user/job\n")
        assert group_limit(membership, tmp_path / "cgroup") == 1.5
        (inner.parent / "cpu.max").write_text("torn")
        assert group_limit(membership, tmp_path / "cgroup") is None
        assert group_limit(tmp_path / "missing", tmp_path / "cgroup") is None

    def test_this_machine(self):
        here = cores_here()
        assert 1 <= here.usable <= here.there == os.cpu_count()
