"""How much memory a process may have: of the machine, a container or a job of a cluster."""

import math
import os

import pytest

from benchmark import machine_limits
from benchmark.data.decoded.memory_cache import room
from benchmark.machine_limits import free_within_limits, memory_limits, usable_memory


@pytest.fixture
def groups(tmp_path):
    """Writes files of control groups by their paths, and says where they and the membership lie."""

    def written(membership, files):
        (tmp_path / "membership").write_text(membership)
        for path, content in files.items():
            (tmp_path / "groups" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "groups" / path).write_text(content)
        return tmp_path / "membership", tmp_path / "groups"

    return written


def test_the_tightest_of_a_job_and_what_is_above_it_counts(groups):
    where = groups(
        "0::/slurm/job\n",
        {
            "slurm/job/memory.max": "max\n",
            "slurm/memory.max": "32000\n",
            "slurm/memory.current": "2000\n",
            "memory.max": "64000\n",
            "memory.current": "60000\n",
        },
    )
    assert sorted(memory_limits(*where)) == [32000, 64000]
    assert free_within_limits(*where) == 4000


def test_so_does_one_of_the_first_version(groups):
    where = groups(
        "5:cpu,cpuacct:/other\n4:memory:/slurm/job\n",
        {
            "memory/slurm/job/memory.limit_in_bytes": "16000\n",
            "memory/slurm/job/memory.usage_in_bytes": "1000\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert min(memory_limits(*where)) == 16000
    assert free_within_limits(*where) == 15000


@pytest.mark.parametrize("content", ["max", "torn", ""])
def test_without_a_limit_all_of_the_machine_is_there(groups, content):
    where = groups("0::/\n", {"memory.max": content})
    assert memory_limits(*where) == []
    assert free_within_limits(*where) == math.inf
    assert memory_limits(where[0].with_name("missing"), where[1]) == []


def test_what_is_kept_in_memory_keeps_to_the_limit(groups, monkeypatch):
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < usable_memory() <= physical
    membership, folder = groups("0::/job\n", {"job/memory.max": "1600000\n"})
    monkeypatch.setattr(machine_limits, "MEMBERSHIP", membership)
    monkeypatch.setattr(machine_limits, "GROUPS", folder)
    assert usable_memory() == 1600000
    assert room(1 / 16) == 100000
