"""Programs on a fake GPU, in processes of their own: autograd's engine asks CUDA, and a stub answers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: One GPU on which nothing has been computed yet. Named as CUDA's driver is, so that torch takes it for that.
STUB = """
int cudaGetDeviceCount(int *count) { *count = 1; return 0; }
int cudaGetDevice(int *device) { *device = 0; return 0; }
int cudaSetDevice(int device) { return 0; }
int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = *greatest = 0; return 0; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = *active = 0; return 0; }
int hasPrimaryContext(signed char device) __asm__("_ZN3c104cuda17hasPrimaryContextEa");
int hasPrimaryContext(signed char device) { return 0; }
"""


@pytest.fixture(scope="session")
def stub(tmp_path_factory):
    """The library that answers for CUDA; skips where there is no C compiler, or a torch without CUDA."""
    import torch

    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc)")
    if torch.version.cuda is None:
        pytest.skip("needs a torch that is built for CUDA; no GPU")
    source = tmp_path_factory.mktemp("stub") / "stub.c"
    source.write_text(STUB)
    library = source.with_name("libcuda.so.1")
    command = [compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", source, "-o", library]
    subprocess.run(command, check=True, capture_output=True)
    return library


@pytest.fixture(scope="session")
def noted(stub):
    """What ``program.py`` notes of networks, tasks and strategies: phase by phase for each network."""
    kept = {}

    def run(networks, tasks, strategies):
        key = ",".join(networks), tasks, " ".join(strategies)
        if key not in kept:
            path = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
            environment = {**os.environ, "LD_PRELOAD": str(stub), "PYTHONPATH": path}
            command = [sys.executable, HERE / "program.py", *key]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, done.stderr[-3000:]
            kept[key] = json.loads(done.stdout.splitlines()[-1])
        return kept[key]

    return run
