"""The example plug-in, installed beside a broken one, as the command line sees them."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import baselines  # noqa: F401
from benchmark.authoring.contract_check import check_file

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "plugin"
OFFLINE = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of installed packages: the example, and one that raises when it is imported."""
    if not find_spec("pip") or not find_spec("setuptools"):
        pytest.skip("pip and setuptools are not both installed here")
    folder = tmp_path_factory.mktemp("plugins")
    source = shutil.copytree(EXAMPLE, folder / "source")  # building leaves files in it
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", *OFFLINE, "--target", str(target), str(source)]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    broken = target / "mtal_broken_plugin-0.1.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: mtal-broken-plugin\nVersion: 0.1\n")
    groups = ("strategies", "networks")
    (broken / "entry_points.txt").write_text(
        "".join(f"[mtal.{group}]\nbroken = mtal_broken_plugin\n" for group in groups)
    )
    (target / "mtal_broken_plugin.py").write_text("raise RuntimeError('made to fail')\n")
    return target


@pytest.fixture
def mtal(site, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))

    def call(*arguments, codes=(0,)):
        command = [sys.executable, "-m", "benchmark", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode in codes, done.stderr
        return done.stdout

    return call


def test_the_example_is_listed_among_the_others_and_the_broken_one_is_named(mtal):
    lines = mtal("list", "strategies").splitlines()
    names = [line.split()[0] for line in lines if line.startswith(" ")]
    assert {"rough", "random", "entropy", "consistency-diversity"} <= set(names)
    assert lines[-1] == "plug-in broken failed to import: RuntimeError: made to fail"
    assert not any("example" in line for line in lines if line.startswith("plug-in"))


def test_the_example_is_shown(mtal):
    text = mtal("show", "rough[power=2]")
    assert text.startswith("rough[power=2]\n")
    assert "Needs: one pass over the pool\n" in text
    assert "  power=1.0  a finite number\n" in text


@pytest.mark.slow
def test_networks_and_backbones_are_listed_and_the_broken_one_is_named(mtal):
    lines = mtal("list", "networks").splitlines()
    assert {"pad_net", "context_heads"} <= {line.split()[0] for line in lines}
    assert lines[-1] == "plug-in broken failed to import: RuntimeError: made to fail"
    assert "patches" in [line.split()[0] for line in mtal("list", "backbones").splitlines() if line.split()]
    text = mtal("show", "context_heads")
    assert "Kind: network" in text
    assert "  width=32  a whole number\n" in text


def test_a_study_with_them_runs_and_its_report_names_them(mtal, tmp_path):
    sizes = {"data.pool": 12, "data.val": 4, "data.height": 32, "data.width": 32, "recipe.iterations": 2}
    sizes |= {"budgets": "[4,6]", "full_data": "false", "network.options.width": 8}
    sizes |= {"network.backbone": "patches", "network.backbone_options.width": 8, "seeds": "[0]"}
    settings = [f"--set={name}={value}" for name, value in sizes.items()]
    run = ("run", "--network", "context_heads", "--strategies", "random,rough", "--device", "cpu")
    mtal(*run, *settings, "--out", "out", "--quiet", "--no-timing")
    protocol = (tmp_path / "out" / "tables" / "protocol.md").read_text().replace("\\", "")
    assert "context_heads" in protocol
    assert "the plug-in example of mtal-benchmark" in protocol
    assert "context_heads" in (tmp_path / "out" / "index.html").read_text()


def test_the_doctor_names_the_broken_ones(mtal):
    said = " ".join(mtal("doctor", codes=(0, 1)).split())
    for group in ("strategies", "networks"):
        assert f"plug-ins broken of mtal.{group} failed to import: RuntimeError: made to fail" in said


def test_the_data_set_and_the_task_are_listed_shown_and_checked(mtal):
    assert "slopes" in [line.split()[0] for line in mtal("list", "datasets").splitlines()]
    assert "log_depth" in [line.split()[0] for line in mtal("list", "tasks").splitlines()]
    assert "  steepest=8.0  a finite number\n" in mtal("show", "slopes")
    assert "Source: Eigen, Puhrsch & Fergus" in mtal("show", "log_depth")
    assert "No problems found." in mtal("data", "check", "slopes", "--set", "count=6")


@pytest.mark.parametrize("name", ["slopes", "datasets.py:slopes"])
def test_a_study_on_the_data_set_runs_and_its_report_shows_the_task(mtal, tmp_path, name, monkeypatch):
    """From the installed package, and by its file where it is not installed."""
    if ".py:" in name:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        name = str(EXAMPLE / "mtal_example_plugin" / name)
    sizes = {"data.count": 8, "recipe.iterations": 2, "budgets": "[2,4]", "seeds": "[0]"}
    settings = [f"--set={key}={value}" for key, value in sizes.items()]
    run = ("run", "--dataset", name, "--preset", "smoke", "--strategies", "random", "--device", "cpu")
    mtal(*run, *settings, "--out", "out", "--quiet", "--no-timing")
    assert "si_log of slope" in (tmp_path / "out" / "tables" / "delta_mtl.md").read_text().replace("\\", "")
    assert "slope: si_log ↓" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("strategies", "rough"),
        ("networks", "context_heads"),
        ("backbones", "patches"),
        ("tasks", "log_depth"),
        ("datasets", "slopes"),
    ],
)
def test_the_example_keeps_the_contract(module, name):
    text, passed = check_file(EXAMPLE / "mtal_example_plugin" / f"{module}.py")
    assert passed, text
    assert f"{name} keeps the contract." in text
