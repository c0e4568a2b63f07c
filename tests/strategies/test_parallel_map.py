"""Work items are done where the run is: in this process, or on Ray's cores, to the same results."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from strategies.parallel_map import parallel_map

ROOT = Path(__file__).parents[2]
#: A job that has all the cores of its Ray, as one of a run on one machine may have.
PROGRAM = """
import os
import numpy as np
from benchmark.execution.ray.session import import_ray, session
from benchmark.execution.resources import Node
from strategies.kernels.diversity import distributed_k_center
from strategies.parallel_map import parallel_map

def pick(map):
    vectors = np.random.default_rng(0).standard_normal((3000, 8))
    return distributed_k_center(vectors, 40, [1, 2], shards=5, rng=np.random.default_rng(1), map=map).tolist()

def whole_job():
    pids = set(parallel_map(lambda _: os.getpid(), range(6)))
    made = []
    lazy = parallel_map(abs, (made.append(n) or -n for n in range(9)))
    first = next(lazy)
    return pick(parallel_map), os.getpid() in pids, first, len(made), list(lazy)

if __name__ == "__main__":
    with session([Node(2, 0)]):
        ray = import_ray()
        picks, here, first, made, others = ray.get(ray.remote(num_cpus=2)(whole_job).remote())
    assert picks == pick(map), "other picks"
    assert not here, "done by the job itself"
    assert (first, made, others) == (0, 2, list(range(1, 9))), (first, made, others)
    print("the same")
"""


def test_in_this_process_items_are_done_one_by_one_as_they_are_made():
    made = []
    results = parallel_map(lambda n: n * n, (made.append(n) or n for n in range(4)))
    assert next(results) == 0
    assert made == [0]
    assert list(results) == [1, 4, 9]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`")
def test_a_job_of_ray_hands_them_to_other_cores(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    ended = subprocess.run(
        [sys.executable, str(file)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.strip().endswith("the same")
