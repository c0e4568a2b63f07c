"""The example plug-in, installed beside a broken one, as the command line sees them."""

import json
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


#: Commands that only look, one after the other in a process: most of each would be the import of torch.
LOOKING = """
import contextlib, io, json, sys
from benchmark.cli.main import main
said = {}
for command in json.loads(sys.argv[1]):
    sys.argv = ["mtal", *command.split()]
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            main()
        except SystemExit as end:
            said[command] = end.code, text.getvalue()
print(json.dumps(said))
"""
LOOKS = (
    "list strategies",
    "show rough[power=2]",
    "doctor",
    "list datasets",
    "list tasks",
    "show slopes",
    "show log_depth",
    "data check slopes --set count=6",
)


@pytest.fixture(scope="module")
def looked(site, tmp_path_factory):
    """What a command says that only looks; of the doctor, whatever its code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-c", LOOKING, json.dumps(LOOKS)]
    folder = tmp_path_factory.mktemp("looking")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])

    def of(command):
        code, text = said[command]
        assert code == 0 or (command, code) == ("doctor", 1), done.stderr
        return text

    return of


@pytest.fixture
def mtal(site, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(ROOT)]))

    def call(*arguments, codes=(0,)):
        command = [sys.executable, "-m", "benchmark", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode in codes, done.stderr
        return done.stdout

    return call


def test_the_example_is_listed_among_the_others_and_the_broken_one_is_named(looked):
    lines = looked("list strategies").splitlines()
    names = [line.split()[0] for line in lines if line.startswith(" ")]
    assert {"rough", "random", "entropy", "consistency-diversity"} <= set(names)
    assert lines[-1] == "plug-in broken failed to import: RuntimeError: made to fail"
    assert not any("example" in line for line in lines if line.startswith("plug-in"))


def test_the_example_is_shown(looked):
    text = looked("show rough[power=2]")
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


def test_the_doctor_names_the_broken_ones(looked):
    said = " ".join(looked("doctor").split())
    for group in ("strategies", "networks"):
        assert f"plug-ins broken of mtal.{group} failed to import: RuntimeError: made to fail" in said


def test_the_data_set_and_the_task_are_listed_shown_and_checked(looked):
    assert "slopes" in [line.split()[0] for line in looked("list datasets").splitlines()]
    assert "log_depth" in [line.split()[0] for line in looked("list tasks").splitlines()]
    assert "  steepest=8.0  a finite number\n" in looked("show slopes")
    assert "Source: Eigen, Puhrsch & Fergus" in looked("show log_depth")
    assert "No problems found." in looked("data check slopes --set count=6")


@pytest.fixture
def ran(mtal, tmp_path):
    """Runs a small study of a data set, and gives a file of its report."""

    def study(dataset, strategies, *options, **settings):
        sizes = {"data.count": 8, "recipe.iterations": 2, "budgets": "[2,4]", "seeds": "[0]", **settings}
        given = [f"--set={key}={value}" for key, value in sizes.items()]
        run = ("run", "--dataset", dataset, "--preset", "smoke", "--strategies", strategies, *options)
        mtal(*run, "--device", "cpu", *given, "--out", "out", "--quiet", "--no-timing")
        return lambda name: (tmp_path / "out" / name).read_text().replace("\\", "")

    return study


def assert_the_task_is_shown(read):
    assert "si_log of slope" in read("tables/delta_mtl.md")
    assert "slope: si_log ↓" in read("index.html")


def test_a_study_with_all_of_them_runs_and_its_report_names_them(ran):
    """Of everything that the package brings: data set, task, network, backbone and strategy."""
    small = {"network.options.width": 8, "network.backbone": "patches", "network.backbone_options.width": 8}
    read = ran("slopes", "random,rough", "--network", "context_heads", **small)
    assert_the_task_is_shown(read)
    protocol = read("tables/protocol.md")
    assert "context_heads" in protocol
    assert "the plug-in example of mtal-benchmark" in protocol
    assert "context_heads" in read("index.html")
    assert "rough" in read("tables/loss_vs_labels.md")


def test_a_study_on_the_data_set_by_its_file_runs_where_it_is_not_installed(ran, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert_the_task_is_shown(ran(str(EXAMPLE / "mtal_example_plugin" / "datasets.py:slopes"), "random"))


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
