"""`mtal doctor` on the place of results and a study: what it needs of disk, memory, engines and weights."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from findings import GB, words

from benchmark.data.cache_folder import cache_folder
from benchmark.data.decoded.rows import Rows
from benchmark.doctor import (
    engines,
    examined,
    file_system,
    memory,
    space,
)
from benchmark.doctor.finding import ok, problem, warning
from benchmark.doctor.memory import Memory, memory_findings
from benchmark.doctor.space import Room, results_need, space_finding, space_findings
from benchmark.doctor.study_size import Study, study_of
from benchmark.doctor.weights import weight_findings
from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.protocol.work_left import plan


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


def test_maps_of_a_frozen_backbone_are_told(small_bench, tmp_path):
    """Strides 4 to 32 of 32 x 32 pixels, 16 + 6 images and their mirror images, two bytes a number."""
    network = {"backbone": "tf_efficientnet_lite0", "pretrained": True, "frozen": True, "width": 8}
    bench = small_bench(tmp_path, network=network | {"join": "project"})
    study = study_of(bench.experiment, bench.dataset)
    assert study.maps == 2 * 2 * 22 * (24 * 64 + 40 * 16 + 112 * 4 + 320)
    roomy = Memory(total=8 * GB, free=8 * GB, gpu=None, cache=9 * GB, shared=GB)
    full = Memory(total=8 * GB, free=8 * GB, gpu=None, cache=0, shared=GB)

    def found(memory, feed):
        (finding,) = (f for f in memory_findings(memory, study, feed, 1) if f.check == "maps")
        return finding.word, finding.text

    assert found(roomy, "auto")[1].endswith(
        "of a frozen backbone's maps, kept in the cache folder (9 GB free)"
    )
    assert "computed anew by every process" in found(full, "auto")[1]
    assert found(roomy, "stream")[0] == found(full, "disk")[0] == "warning"
    assert study_of(small_bench(tmp_path).experiment, bench.dataset).maps == 0


def test_the_whole_of_a_small_study(small_experiment, tmp_path):
    found = list(examined(tmp_path / "results", small_experiment()))
    assert "problem" not in words(found)
    checks = [finding.check for finding in found]
    assert {"Python", "torch", "device", "threads", "locks", "data", "memory", "space", "ray"} <= set(checks)


def test_labels_that_a_run_refuses_are_a_problem(small_experiment, tmp_path):
    own = (Path(__file__).parents[1] / "own_plugins.py").read_text()
    for name, text in {"sound": own, "flat": own.replace("self.step * rng", "0 * self.step * rng")}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text.replace("ramps", name).replace("relative_depth", name))
        more = {"dataset": f"{tmp_path}/{name}/mine.py:{name}", "data": {}, "budgets": [2, 4]}
        found = [f for f in examined(tmp_path, small_experiment(**more)) if f.check == "labels"]
        assert [f.word for f in found] == ["ok" if name == "sound" else "problem"]
        assert name == "sound" or "every pixel of the 8 near labels is 1" in found[0].found


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
