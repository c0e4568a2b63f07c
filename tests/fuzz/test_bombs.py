"""Small files that claim to be large: each reader refuses them where there is half a gigabyte to spare."""

import subprocess
import sys
from pathlib import Path

import pytest

READERS = Path(__file__).with_name("bombs.py")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of each bomb, one after the other in one process, for each takes seconds to start."""
    done = subprocess.run(
        [sys.executable, READERS],
        cwd=tmp_path_factory.mktemp("bombs"),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split("\t") for line in done.stdout.splitlines())


BOMBS = [
    "picture",
    "JPEG",
    "PNG text",
    "NumPy",
    "MATLAB",
    "MATLAB cells",
    "MATLAB rows",
    "YAML",
    "zip",
    "LZMA",
    "round",
]
BOMBS += ["safetensors", "parquet rows"]


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_within_memory_and_time(outcomes, bomb):
    if bomb.startswith("parquet"):
        pytest.importorskip("pyarrow")
    kind, seconds, megabytes = outcomes[bomb].split()
    assert kind in ("BadFile", "UserError", "OSError", "ValueError", "None")
    assert float(seconds) < 10
    assert float(megabytes) < 400
