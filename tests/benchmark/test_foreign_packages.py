"""Packages of others by the names of ours: before ours on Python's path, or installed over them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mtal_benchmark import MARK, OURS, foreign, overwritten

ROOT = Path(__file__).parents[2]
RUNS = "open('was-run', 'w').write('x')\n"


def started(tmp_path, *path, module="mtal_benchmark", command="list"):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    line = [sys.executable, "-m", module, command]
    return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)


def said_in_a_sentence(done, tmp_path, *words):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Error: ")
    for word in words:
        assert str(word) in done.stderr
    assert not (tmp_path / "was-run").exists(), "foreign code was run"


def other(folder, name):
    """A package of this name as pip leaves it."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(RUNS)
    record(folder, name, f"{name}/__init__.py")
    return folder


def record(folder, name, *files):
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def test_ours_are_ours():
    assert foreign() is None
    assert overwritten() is None
    assert all((ROOT / name / "__init__.py").read_bytes().startswith(MARK) for name in OURS)


@pytest.mark.parametrize("name", OURS)
def test_a_foreign_package_before_ours_is_named_and_not_run(tmp_path, name):
    folder = other(tmp_path / "first", name)
    done = started(tmp_path, folder, ROOT)
    said_in_a_sentence(
        done, tmp_path, folder / name, f"(of the distribution {name})", ROOT, "uninstall or rename"
    )


@pytest.mark.parametrize("name", ["strategies", "baselines"])
def test_python_m_benchmark_and_the_doctor_say_the_same(tmp_path, name):
    folder = other(tmp_path / "first", name)
    done = started(tmp_path, folder, ROOT, module="benchmark", command="doctor")
    said_in_a_sentence(done, tmp_path, folder / name)


@pytest.fixture
def site(tmp_path):
    """Our packages as an installation has them."""
    folder = tmp_path / "site"
    for name in OURS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mtal_benchmark.py", folder)
    return folder


@pytest.mark.parametrize("name", OURS)
def test_an_installation_over_ours_is_named(tmp_path, site, name):
    (site / name / "__init__.py").write_text(RUNS)
    record(site, name, f"{name}/__init__.py")
    done = started(tmp_path, site)
    words = (f"Files of the package {name} were overwritten", site / name, f"(of the distribution {name})")
    said_in_a_sentence(done, tmp_path, *words, "install mtal-benchmark again")


def test_a_single_file_of_ours_that_was_overwritten_is_named(tmp_path, site):
    assert started(tmp_path, site).returncode == 0
    (site / "strategies" / "registry.py").write_text("")
    record(site, "strategies", "strategies/registry.py")
    done = started(tmp_path, site)
    said_in_a_sentence(done, tmp_path, site / "strategies" / "registry.py", "were overwritten")


def test_an_error_of_ours_is_no_foreign_package(tmp_path, site):
    (site / "strategies" / "registry.py").write_text("")
    assert "ImportError" in started(tmp_path, site).stderr
