"""Freed memory is kept: what is asked for again costs no page of the kernel's."""

import ctypes
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from benchmark.training.hardware.memory_allocator import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for step in range(20):
    if step == 5:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(10**6) for _ in range(8)]  # of 8 MB, as a step's activations
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_memory_that_is_asked_for_again_is_there():
    def faults(how):
        command = [sys.executable, "-c", FAULTS, how]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    kept, given_back = faults("kept"), faults("given back")
    assert kept < 100
    assert given_back > 10_000
