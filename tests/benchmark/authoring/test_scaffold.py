"""A new strategy's files work at once; a name that cannot be is refused and leaves nothing."""

import subprocess
import sys

import pytest

import baselines  # noqa: F401
from benchmark.authoring.contract_check import check_file
from benchmark.authoring.scaffold import (
    write_backbone,
    write_dataset,
    write_network,
    write_strategy,
    write_task,
)
from benchmark.data.custom import contract as data_contract
from benchmark.errors import UserError
from benchmark.plugins import BACKBONES, DATASETS, NETWORKS, TASKS
from benchmark.tasks import contract as tasks_contract
from strategies import contract as strategies_contract
from strategies import registry
from strategies.registry import RegistryError, resolve


@pytest.mark.parametrize("name", ["my-idea", "Idea2", "a-b-c", "lambda-2"])
def test_the_written_strategy_keeps_the_contract(tmp_path, name):
    strategy, test = write_strategy(name, tmp_path)
    assert strategy.name == f"{name.replace('-', '_')}.py"
    assert test.name == f"test_{strategy.name}"
    text, passed = check_file(strategy)
    assert passed, text
    assert resolve(f"{strategy}:{name}[power=2]").name == f"{name}[power=2]"


def test_the_written_strategy_has_a_summary_and_its_parameter_works(tmp_path):
    from strategies.contract import made_up_outputs

    strategy, _ = write_strategy("my-idea", tmp_path)
    entry = resolve(f"{strategy}:my-idea").entry
    assert entry.summary.startswith("Least confidence")
    outputs = made_up_outputs(images=3)
    plain, squared = (resolve(name).create().measure(outputs) for name in ("my-idea", "my-idea[power=2]"))
    confidence = outputs.refined["semseg"].softmax(1).amax(1)
    assert plain["semseg"].tolist() == pytest.approx((1 - confidence).mean((1, 2)).tolist())
    assert squared["semseg"].tolist() == pytest.approx(((1 - confidence) ** 2).mean((1, 2)).tolist())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "contract"),
    [(write_strategy, strategies_contract), (write_task, tasks_contract), (write_dataset, data_contract)],
)
def test_the_written_test_passes(tmp_path, write, contract):
    write("my-idea", tmp_path / "new")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_idea.py"]
    done = subprocess.run(command, cwd=tmp_path / "new", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contract.CLAUSES)} passed" in done.stdout


@pytest.mark.parametrize("write", [write_task, write_dataset])
@pytest.mark.parametrize("name", ["my-idea", "disparity_2"])
def test_a_written_task_or_data_set_keeps_its_contract(tmp_path, write, name):
    file, test = write(name, tmp_path / "new")
    assert (file.name, test.name) == (f"{name.replace('-', '_')}.py", f"test_{name.replace('-', '_')}.py")
    registry, contract = (TASKS, tasks_contract) if write is write_task else (DATASETS, data_contract)
    for clause in contract.CLAUSES:
        clause(contract.Probe(registry.resolve(f"{file}:{name}")))


@pytest.mark.parametrize(
    ("write", "name"), [(write_task, "depth"), (write_dataset, "rooms"), (write_task, "a b")]
)
def test_a_name_that_a_task_or_data_set_cannot_have_is_refused(tmp_path, write, name):
    with pytest.raises(RegistryError, match=f"name '{name}'"):
        write(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("write", [write_strategy, write_task, write_dataset])
def test_the_written_files_are_formatted(tmp_path, write):
    write("my-idea", tmp_path)
    lines = [line for path in tmp_path.glob("*.py") for line in path.read_text().splitlines()]
    assert all(len(line) <= 110 and line == line.rstrip() for line in lines)


@pytest.mark.parametrize(
    "name",
    [
        "random",
        "full-data",
        "round-0",
        "a_b",
        "a b",
        "a--b",
        "-a",
        "",
        "../a",
        "ä",
        "a.b",
        "2nd",
        "class",
        "None",
        "torch",
        "statistics",
        "strategies",
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(tmp_path, name):
    folder = tmp_path / "new"
    with pytest.raises((UserError, RegistryError)) as caught:
        write_strategy(name, folder)
    assert name in str(caught.value)
    assert str(caught.value).endswith(".")
    assert not folder.exists()
    assert name not in set(registry.entries()) - {"random"}


def test_a_file_of_the_same_name_on_the_path_does_not_matter(tmp_path, monkeypatch):
    """As after the README's ten lines: mine.py lies in the folder from which Python was started."""
    (tmp_path / "mine.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert write_strategy("mine", tmp_path / "new")[0].is_file()


@pytest.mark.parametrize("there", ["my_idea.py", "test_my_idea.py"])
def test_a_file_that_is_there_is_kept(tmp_path, there):
    (tmp_path / there).write_text("precious")
    with pytest.raises(UserError, match=f"{there} is there already"):
        write_strategy("my-idea", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_a_folder_is_made(tmp_path):
    strategy, _ = write_strategy("my-idea", tmp_path / "deep" / "er")
    assert strategy.is_file()


WRITE = {"network": write_network, "backbone": write_backbone}


@pytest.mark.parametrize("kind", WRITE)
def test_a_written_network_or_backbone_keeps_its_contract_and_its_option_works(tmp_path, kind):
    file, test = WRITE[kind]("my_idea", tmp_path)
    text, passed = check_file(file)
    assert passed, text
    registry = {"network": NETWORKS, "backbone": BACKBONES}[kind]
    assert registry.resolve(f"{file}:my_idea").values({"width": 4}) == {"width": 4}
    assert "class MyIdea(" in file.read_text()
    lines = [line for path in (file, test) for line in path.read_text().splitlines()]
    assert all(len(line) <= 110 and line == line.rstrip() for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITE)
def test_the_written_test_of_a_network_or_backbone_passes(tmp_path, kind):
    WRITE[kind]("my-idea", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_idea.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("kind", "name"), [("network", "pad_net"), ("backbone", "tiny"), ("network", "a b")])
def test_a_name_that_is_taken_or_no_word_is_refused_for_every_kind(tmp_path, kind, name):
    with pytest.raises(RegistryError, match=f"{kind.capitalize()} name '{name}'"):
        WRITE[kind](name, tmp_path / "new")
    assert not (tmp_path / "new").exists()
