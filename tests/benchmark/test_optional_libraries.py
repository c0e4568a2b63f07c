"""What is said where a library is not installed: which, and what brings it; never a traceback."""

import subprocess
import sys

import pytest

from benchmark.optional_libraries import install_command, missing_library

#: Runs a command of ours where nothing that reading results does without can be imported.
READING_ONLY = """
import sys
for name in ("torch", "torchvision", "timm", "faiss", "sklearn", "skimage", "ray", "submitit"):
    sys.modules[name] = None
sys.argv[0] = "mtal"
from benchmark.cli.main import main
main()
"""


def reading_only(folder, *arguments):
    command = [sys.executable, "-c", READING_ONLY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.mark.parametrize("extra", ["parquet", "cluster", "slurm", "wandb", "mlflow", "tensorboard"])
def test_the_command_names_libraries_that_a_registry_has(extra):
    command = install_command(extra)
    assert command.startswith(f"{sys.executable} -m pip install ")
    assert ">=" in command
    assert "mtal" not in command.removeprefix(sys.executable)


@pytest.mark.parametrize(
    "command", ["run", "run --dry-run", "profile", "noise", "data check rooms", "check mine.py", "doctor"]
)
def test_a_command_that_needs_torch_says_so_where_results_are_only_read(tmp_path, command):
    (tmp_path / "mine.py").write_text(
        "from strategies import register\n\n\n@register('mine', source='me')\ndef mine(outputs):\n"
        '    """Mine."""\n    return {}\n'
    )
    done = reading_only(tmp_path, *command.split())
    assert "Traceback" not in done.stderr, done.stderr
    if command != "doctor":  # which says what is missing, and is for that
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: This command needs the Python library ")
        assert "make setup" in line


@pytest.mark.parametrize("command", ["list", "list presets", "show core-set", "run --help"])
def test_what_needs_nothing_works_where_results_are_only_read(tmp_path, command):
    assert reading_only(tmp_path, *command.split()).returncode == 0


def test_a_module_of_our_own_that_is_missing_is_a_fault_of_ours():
    assert missing_library(ModuleNotFoundError("no", name="benchmark.gone")) is None
    assert missing_library(ModuleNotFoundError("no", name="torch._C")) is not None
