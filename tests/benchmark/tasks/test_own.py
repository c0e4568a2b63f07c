"""A task of one's own, by name or from a file: in a YAML file, with options, and in keys."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data.decoded.memory_map import key_of as rows_key
from benchmark.data.decoded.rows import Rows
from benchmark.data.folder.config import load_config
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset
from benchmark.protocol.round_key import _task, key_of
from benchmark.records.environment import describe
from benchmark.tasks import BUILT_IN, make_task
from benchmark.tasks.task import code_of

FILE = (Path(__file__).parents[1] / "own_plugins.py").read_text()


@pytest.fixture
def folder(tmp_path):
    """A data set of four images a split, described by a YAML file beside the file of the task."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for part in ("image", "near"):
            (tmp_path / split / part).mkdir(parents=True)
        for number in range(4):
            name = f"{split}{number}"
            pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / split / "image" / f"{name}.png")
            depth = 1 + rng.random((32, 32), dtype=np.float32)
            np.save(tmp_path / split / "near" / f"{name}.npy", depth)
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path


@pytest.fixture
def yaml(folder):
    """Writes the YAML file with these fields of its task, and gives its path as the catalogue takes it."""

    def made(**fields):
        lines = "".join(f"    {name}: {value}\n" for name, value in fields.items())
        text = "name: own\nimage: {folder: '{split}/image'}\ntasks:\n  near:\n    folder: '{split}/near'\n"
        (folder / "own.yaml").write_text(text + lines)
        return str(folder / "own.yaml")

    return made


def test_a_yaml_file_names_it_by_a_file_beside_it(yaml, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (task,) = open_dataset(yaml(task="mine.py:relative_depth"), {}).tasks
    assert (type(task).__name__, task.name, task.kind) == ("RelativeDepth", "near", "scalar")
    assert task.options.power == 1


def test_a_yaml_file_names_it_by_its_name_and_sets_its_options(yaml, folder):
    make_task("any", task=f"{folder}/mine.py:relative_depth")  # as an installed package registers it
    (task,) = open_dataset(yaml(task="relative_depth", options="{power: 3}", weight="2"), {}).tasks
    assert (task.options.power, task.weight) == (3, 2)
    (folder / "own.yaml").write_text(
        (folder / "own.yaml").read_text().replace("  near:\n", "  relative_depth:\n")
    )
    (task,) = open_dataset(str(folder / "own.yaml"), {}).tasks
    assert type(task).__name__ == "RelativeDepth"


def test_a_built_in_task_under_another_name(yaml):
    dataset = open_dataset(yaml(task="depth"), {})
    assert type(dataset.tasks[0]) is BUILT_IN["depth"]
    assert dataset.tasks[0].name == "near"
    assert dataset.codings["near"].advice == "0 in its files means that nothing was measured (invalid)"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "relative_deph"}, "tasks.near.kind: There is no task 'relative_deph'"),
        ({"task": "nowhere.py:it"}, "There is no task file .*nowhere.py"),
        ({"task": "mine.py:it"}, "There is no task in .*mine.py named 'it'. There is: relative_depth"),
        ({"task": "mine.py:relative_depth", "kind": "binary"}, "is of kind scalar, not 'binary'"),
        (
            {"task": "mine.py:relative_depth", "classes": "3"},
            "is for categorical tasks, and this one is scalar",
        ),
        (
            {"task": "mine.py:relative_depth", "options": "{pwer: 1}"},
            "no option 'pwer'; its options: power",
        ),
        (
            {"task": "mine.py:relative_depth", "options": "{power: far}"},
            "power: Input should be",
        ),
        ({"task": "3"}, "tasks.near.task"),
    ],
)
def test_a_wrong_field_is_one_sentence(yaml, fields, words):
    with pytest.raises(UserError, match=words):
        open_dataset(yaml(**fields), {})


def test_the_data_are_the_same_whatever_is_learnt_of_them(yaml):
    plain = open_dataset(yaml(kind="scalar"), {})
    own = open_dataset(yaml(task="mine.py:relative_depth", kind="scalar", options="{power: 2}"), {})
    assert own.digest == plain.digest
    rows = [Rows(dataset.train, dataset.tasks) for dataset in (plain, own)]
    assert len({rows_key(each, plain.digest) for each in rows}) == 2  # labels may be encoded by its code


def test_a_built_in_task_that_reads_labels_otherwise_is_other_data(yaml):
    """0 is no depth: the labels change with ``task``, unless the file says itself what 0 is."""
    digests = [open_dataset(yaml(**fields), {}).digest for fields in ({"kind": "scalar"}, {"task": "depth"})]
    assert len(set(digests)) == 2
    said = [{"kind": "scalar", "invalid": "[0]"}, {"kind": "scalar", "invalid": "[0]", "task": "depth"}]
    assert len({open_dataset(yaml(**fields), {}).digest for fields in said}) == 1


def test_data_described_as_before_have_the_digest_that_they_had(yaml, folder):
    """The digest that stored results hold: nothing is added where the name of the task says all."""
    path = Path(yaml(kind="scalar"))
    config = load_config(path)
    left_out = {"root": True, "columns": True, "groups": True, "tasks": {"near": {"task", "options"}}}
    digest = hashlib.sha256(json.dumps(config.model_dump(exclude=left_out), sort_keys=True).encode())
    for split in ("train", "val"):
        digest.update(f"{split} 4".encode())
        for number in range(4):
            digest.update(item_digest(folder, split, f"{split}{number}"))
    assert open_dataset(str(path), {}).digest == digest.hexdigest()


def item_digest(folder, split, name):
    """Of its id, and of each file with the name of what it is."""
    parts = hashlib.sha256(name.encode())
    for what, ending, named in (("image", "png", b""), ("near", "npy", b"near")):
        content = (folder / split / what / f"{name}.{ending}").read_bytes()
        parts.update(named + b"\0" + hashlib.sha256(content).digest())
    return parts.digest()


@pytest.fixture
def bench(yaml, small_bench, tmp_path):
    """A bench on the folder, its task as the fields say."""

    def opened(experiment=None, **fields):
        return small_bench(
            tmp_path / "out", dataset=yaml(**fields), data={}, budgets=[1, 2], **(experiment or {})
        )

    return opened


def test_options_of_the_experiment_and_the_code_are_in_the_key(bench):
    def key(bench):
        return key_of(bench, "random", 0, 0, ["a"], None)

    own = bench(task="mine.py:relative_depth")
    other = bench({"tasks": {"near": {"power": 2}}}, task="mine.py:relative_depth")
    assert other.dataset.tasks[0].options.power == 2
    plain = bench(kind="scalar")
    assert len({key(own), key(other), key(plain)}) == 3
    assert plain.dataset.tasks[0].code is None
    with pytest.raises(UserError, match="has no option 'pwer'; its options: power"):
        bench({"tasks": {"near": {"pwer": 2}}}, task="mine.py:relative_depth")


def test_a_built_in_task_under_another_name_is_in_the_key(bench):
    """Both are scalar, with labels, weight and options alike: only losses and metrics differ."""
    fields = {"kind": "scalar", "invalid": "[0]"}
    plain, depth = bench(**fields), bench(task="depth", **fields)
    assert plain.dataset.digest == depth.dataset.digest
    assert _task(plain.dataset.tasks[0]) == [1.0, {}]  # as before there was such a field
    assert _task(depth.dataset.tasks[0]) == [1.0, {}, "depth"]
    assert _task(make_task("depth")) == [1.0, {}]


def test_built_in_tasks_have_no_code_of_their_own():
    """So that keys of rounds stay: what edits of a file of one's own change, the tests of data sets ask."""
    assert all(code_of(task) is None for task in BUILT_IN.values())


def test_the_environment_says_what_the_report_needs_of_it(bench):
    def said(opened):
        network = opened.experiment.network
        rest = (opened.normalisation, opened.dataset, ["random"], opened.device, 1, True)
        return describe(network, *rest)["tasks"]["near"]

    own = said(bench(task="mine.py:relative_depth"))
    assert own["headline"] == "mean_error"
    assert own["better"] == {"rmse": "lower", "abs_rel": "lower", "mean_error": "lower"}
    assert len(own["code"]) == 64
    assert said(bench(kind="scalar")).keys() == {"kind", "weight", "headline", "options"}
