"""`mtal doctor`: what it says of machines that have what is needed, and of those that lack it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmark.data.cache_folder import cache_folder
from benchmark.data.decoded.rows import Rows
from benchmark.doctor import (
    devices,
    engines,
    examined,
    file_system,
    memory,
    packages,
    space,
    threads,
)
from benchmark.doctor.devices import Devices, Gpu, device_findings, supported
from benchmark.doctor.finding import ok, problem, warning
from benchmark.doctor.memory import Memory, memory_findings
from benchmark.doctor.packages import in_range, range_findings
from benchmark.doctor.space import Room, results_need, space_finding, space_findings
from benchmark.doctor.study_size import Study, study_of
from benchmark.doctor.threads import Cores, group_limit, thread_findings
from benchmark.doctor.weights import weight_findings
from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.protocol.work_left import plan
from benchmark.words import amount_of_bytes

GB = 1e9
H200 = Gpu("NVIDIA H200", 140 * GB, 150 * GB, (9, 0), bf16=True)
BUILT_FOR = ("sm_75", "sm_80", "sm_86", "sm_90")


def words(findings):
    return [finding.word for finding in findings]


def test_a_line_says_word_check_find_and_what_to_do():
    assert ok("memory", "8 GB").text == "8 GB"
    assert warning("memory", "1 GB", "End others.").text == "1 GB. End others."
    assert [amount_of_bytes(999), amount_of_bytes(1234), amount_of_bytes(5e13)] == [
        "999 B",
        "1.23 kB",
        "50 TB",
    ]


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


class TestFolder:
    def test_locks_and_files_of_two_real_processes(self, tmp_path):
        findings = file_system.folder_findings(tmp_path / "not" / "there" / "yet")
        assert [(f.check, f.word) for f in findings] == [
            (check, "ok") for check in ("writing", "locks", "sharing", "clock")
        ]
        assert list(tmp_path.iterdir()) == [], "nothing is left behind"

    def test_a_lock_that_binds_nobody(self, tmp_path, monkeypatch):
        """As on a network file system mounted without locks: the holder locks another file."""
        monkeypatch.setattr(file_system, "HOLDER", file_system.HOLDER.replace('".lock"', '".other"'))
        locks, sharing = file_system.lock_findings(tmp_path)
        assert (locks.word, sharing.word) == ("problem", "ok")
        assert "two processes held the same lock" in locks.found

    def test_a_lock_that_outlives_its_holder(self, tmp_path, monkeypatch):
        monkeypatch.setattr(file_system, "PATIENCE", 0.2)
        command = [sys.executable, "-c", file_system.HOLDER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "held\n"
            found = file_system._lock_finding(tmp_path, held=True)
            process.kill()
        assert found.word == "problem"
        assert "still holds its lock" in found.found
        assert file_system._lock_finding(tmp_path, held=True).word == "ok"

    def test_a_file_system_without_locks_says_so(self, tmp_path, monkeypatch):
        refusing = (
            "import fcntl\ndef no(*_): raise OSError(95, 'Operation not supported')\nfcntl.flock = no\n"
        )
        monkeypatch.setattr(file_system, "HOLDER", refusing + file_system.HOLDER)
        (found,) = file_system.lock_findings(tmp_path)
        assert (found.word, found.check) == ("problem", "locks")

    def test_a_file_that_never_comes(self, tmp_path, monkeypatch):
        monkeypatch.setattr(file_system, "PATIENCE", 0.2)
        monkeypatch.setattr(file_system, "HOLDER", file_system.HOLDER.replace('"seen"', '"unseen"'))
        assert words(file_system.lock_findings(tmp_path)) == ["ok", "problem"]

    def test_files_that_do_not_reach_the_disk(self, tmp_path, monkeypatch):
        def failing(_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("benchmark.records.round_store.os.fsync", failing)
        found = file_system.writing_finding(tmp_path)
        assert found.word == "problem"
        assert "Input/output error" in found.found

    def test_a_place_that_takes_no_folder(self, monkeypatch, tmp_path):
        def refused(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(file_system.tempfile, "TemporaryDirectory", refused)
        (found,) = file_system.folder_findings(tmp_path)
        assert (found.word, found.check) == ("problem", "results")

    @pytest.mark.parametrize(("apart", "direction"), [(60, "behind"), (-60, "ahead of")])
    def test_a_clock_that_is_off(self, tmp_path, apart, direction):
        found = file_system.clock_finding(tmp_path, lambda: time.time() + apart)
        assert found.word == "warning"
        assert f"s {direction} this machine's" in found.found


class TestThreads:
    @pytest.mark.parametrize(
        ("cores", "wanted", "expected"),
        [
            (Cores(8, 8), None, "ok"),
            (Cores(8, 2), None, "warning"),
            (Cores(8, 8, 1.5), None, "warning"),
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
        here = threads.cores_here()
        assert 1 <= here.usable <= here.there == os.cpu_count()


STUDY = Study(
    counts=(100, 200, 300),
    seeds=5,
    strategies=4,
    measuring=3,
    full_data=True,
    pool=10_000,
    id_length=5,
    tasks=5,
    parameters=10**7,
    parameters_beside=2 * 10**7,
    rows=4 * GB,
    batch=1e6,
)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB with room for 64 files."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here: mount -t tmpfs is refused")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


class TestSpace:
    def test_room_and_the_lack_of_it(self):
        need = Room(10 * GB, 1000)
        cases = [(30 * GB, 5000), (30 * GB, None), (15 * GB, None), (5 * GB, None), (30 * GB, 500)]
        found = [space_finding(Path("/x"), Room(*free), need).word for free in cases]
        assert found == ["ok", "ok", "warning", "problem", "problem"]
        found = [
            space_finding(Path("/x"), Room(*free), None).word for free in [(GB / 2, None), (3 * GB, 10**6)]
        ]
        assert found == ["warning", "ok"]

    def test_a_disk_that_is_too_small_for_the_plan(self, small_disk):
        (found,) = space_findings(small_disk / "results", STUDY)
        assert found.word == "problem"
        assert "and the plan needs about" in found.found

    def test_the_estimate_covers_what_a_run_writes(self, small_bench, tmp_path):
        bench = small_bench(tmp_path / "run", strategies=["learning-loss"], budgets=[4, 7])
        assert run_serial(bench, list(plan(bench.experiment))) == []
        study = study_of(bench.experiment, bench.dataset)
        written = [path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file()]
        need = results_need(study)
        unwritten = space.REPORT + 36 * study.parameters + 4 * study.parameters_beside
        assert sum(written) < need.bytes
        assert need.bytes - unwritten < 4 * sum(written), "and is not far off"
        assert len(written) < need.files < len(written) + 3 * space.REPORT_FILES

    def test_the_numbers_of_a_study(self, small_bench, tmp_path):
        bench = small_bench(tmp_path)
        study = study_of(bench.experiment, bench.dataset)
        network = build_network(bench.experiment.network, bench.dataset.tasks)
        assert study.parameters == sum(weight.numel() for weight in network.parameters())
        assert study.parameters_beside > study.parameters, "learning-loss trains a module beside it"
        assert (study.counts, study.seeds, study.strategies, study.measuring) == ((4, 7, 10), 1, 3, 2)
        sizes = [Rows(split, bench.dataset.tasks).size for split in (bench.dataset.train, bench.dataset.val)]
        assert study.rows == sum(sizes)


class TestMemory:
    @pytest.mark.parametrize(
        ("changes", "feed", "expected"),
        [
            ({}, "auto", {"memory": "ok", "images": "ok"}),
            ({"free": 3 * GB}, "device", {"memory": "problem"}),
            ({"gpu": 3 * GB}, "device", {"memory": "ok", "images": "problem"}),
            ({"total": 8 * GB, "free": 4 * GB}, "auto", {"memory": "ok", "images": "ok"}),
            ({"cache": 1 * GB}, "disk", {"memory": "ok", "images": "problem"}),
            (
                {"cache": 1 * GB, "total": 8 * GB},
                "auto",
                {"memory": "ok", "images": "warning", "shared": "ok"},
            ),
            ({"shared": 1e6}, "stream", {"memory": "ok", "images": "warning", "shared": "problem"}),
            ({"shared": None}, "stream", {"memory": "ok", "images": "warning"}),
        ],
    )
    def test_where_images_live(self, changes, feed, expected):
        machine = {"total": 64 * GB, "free": 60 * GB, "gpu": None, "cache": 100 * GB, "shared": 32 * GB}
        found = memory_findings(Memory(**machine | changes), STUDY, feed, workers=4)
        assert {finding.check: finding.word for finding in found} == expected

    def test_a_container_with_little_shared_memory(self):
        found = memory_findings(Memory(64 * GB, 60 * GB, None, GB, 64e6), None, "auto", 4)
        assert words(found) == ["ok", "warning"]

    def test_the_place_is_the_one_that_the_feed_takes(self, monkeypatch):
        from benchmark.data import feed

        for rows in (1e6, 1e10, 1e15):
            here = memory.memory_here(cache_folder(), None)
            study = Study(**{**vars(STUDY), "rows": rows})
            monkeypatch.setattr(feed, "_disk", lambda: here.cache)  # noqa: B023 - called in this turn
            if here.total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
                assert memory.home_of(study, here, "auto") == feed._fitting(int(rows), torch.device("cpu"))


class TestEnginesAndWeights:
    def test_engines(self):
        def there(**versions):
            return versions.get

        def none(_):
            return None

        assert words(engines.engine_findings({}, there(), none)) == ["ok", "ok"]
        assert words(engines.engine_findings({"RAY_ADDRESS": "a:1"}, there(), none)) == ["warning", "ok"]
        assert words(engines.engine_findings({}, there(ray="2"), str)) == ["ok", "warning"]
        assert words(engines.engine_findings({}, there(ray="2", submitit="1"), str)) == ["ok", "ok"]
        only = {"sbatch": "/bin/sbatch"}.get
        assert words(engines.engine_findings({}, there(submitit="1"), only)) == ["ok", "warning"]

    def test_weights(self, tmp_path):
        def yes(_):
            return True

        def no(_):
            return False

        network = NetworkConfig(backbone="resnet18", pretrained=True)
        assert weight_findings(NetworkConfig()) == []
        assert words(weight_findings(network, kept=yes, reached=no)) == ["ok"]
        assert words(weight_findings(network, kept=no, reached=yes)) == ["ok"]
        assert words(weight_findings(network, kept=no, reached=no)) == ["problem"]
        file = tmp_path / "weights.pth"
        assert words(weight_findings(NetworkConfig(backbone="resnet18", pretrained=file))) == ["problem"]
        file.write_bytes(b"")
        assert words(weight_findings(NetworkConfig(backbone="resnet18", pretrained=file))) == ["ok"]


def test_the_whole_of_a_small_study(small_experiment, tmp_path):
    found = list(examined(tmp_path / "results", small_experiment()))
    assert "problem" not in words(found)
    checks = [finding.check for finding in found]
    assert {"Python", "torch", "device", "threads", "locks", "data", "memory", "space", "ray"} <= set(checks)


def test_data_that_cannot_be_opened_are_a_problem_and_no_end(small_experiment, tmp_path):
    experiment = small_experiment(dataset="nyud", data={}, data_root=str(tmp_path / "nowhere"))
    found = {finding.check: finding.word for finding in examined(tmp_path, experiment)}
    assert found["data"] == "problem"
    assert found["space"] in ("ok", "warning")


def test_the_command_ends_with_1_for_a_problem(mtal, monkeypatch):
    for finding, code in ((ok("a", "b"), 0), (warning("a", "b", "C."), 0), (problem("a", "b", "C."), 1)):
        monkeypatch.setattr("benchmark.doctor.examined", lambda *_, found=finding: [found])
        ended = mtal("doctor")
        assert ended.code == code
        assert " ".join(ended.out.split()) == f"{finding.word} {finding.check} {finding.text}"


def test_the_command_examines_the_study_that_it_is_given(mtal, monkeypatch):
    seen = []
    monkeypatch.setattr("benchmark.doctor.examined", lambda *given: seen.append(given) or [])
    mtal("doctor")
    mtal("doctor", "--preset", "quick", "--set", "feed=disk")
    mtal("doctor", "--out", "here", "--seeds", "3")
    assert seen[0] == (Path("results"), None)
    assert (seen[1][0], seen[1][1].feed) == (Path("results/rooms-quick"), "disk")
    assert (seen[2][0], seen[2][1].seeds) == (Path("here"), (0, 1, 2))
