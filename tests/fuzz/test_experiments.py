"""Hostile YAML: experiments, and descriptions of data sets."""

import os

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.data.folder.config import load_config
from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.experiment.loading import load_experiment
from benchmark.untrusted_files import MOST_YAML, parsed_yaml, read_yaml

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
EXPERIMENT = {
    "name": "study",
    "dataset": "rooms",
    "data": {"pool": 16, "val": 6},
    "task_weights": {"depth": 2.0},
    "tasks": {"semseg": {"headline": "miou"}},
    "network": {"name": "pad_net", "backbone": "tiny", "width": 8, "pretrained": False},
    "recipe": {
        "iterations": 3,
        "learning_rate": 0.1,
        "optimiser": "sgd",
        "augmentation": {"flip": True, "zoom": [1.0, 1.5], "scale": [0.5, 2.0], "crop": [32, 32]},
    },
    "budgets": [4, 0.5, "100 %"],
    "strategies": ["random", "power[base=entropy]", "replay[from=somewhere]"],
    "seeds": [0, 1],
    "device": "cpu",
    "threads": 1,
}
DATA = {
    "name": "mine",
    "root": ".",
    "size": [16, 24],
    "splits": {"train": "train", "val": "val", "list": "{split}.txt"},
    "image": {"folder": "{split}/image"},
    "tasks": {
        "semseg": {"folder": "a", "classes": ["wall", "floor"], "ignore": [255], "first_class": 1},
        "edge": {"folder": "b", "positive": [255], "positive_weight": 0.9, "partial": True},
        "depth": {"folder": "c", "scale": 0.001, "invalid": [0.0, -1.0], "weight": 2.0},
        "tilt": {"folder": "d", "kind": "scalar"},
    },
}
TEXTS = [yaml.safe_dump(EXPERIMENT, sort_keys=False), yaml.safe_dump(DATA, sort_keys=False)]
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
)
HAND_WRITTEN = {
    "aliases that explode": LAUGHS,
    "merges that explode": MERGES,
    "a list in itself": "a: &a [*a]",
    "a merge with itself": "a: &a {<<: *a}",
    "the document in itself": "&a {b: *a}",
    "brackets": "a: " + "[" * 20_000,
    "braces": "{a: " * 10_000,
    "complex keys": "? " * 20_000,
    "a hexadecimal number without end": "seeds: [0x" + "F" * 20_000 + "]",
    "a sexagesimal number without end": "seeds: [1" + ":1" * 20_000 + "]",
    "a sexagesimal float without end": "seeds: [1" + ":1" * 20_000 + ".5]",
    "a decimal number without end": "seeds: [" + "9" * 20_000 + "]",
    "an empty int": 'seeds: !!int ""',
    "an empty float": 'seeds: !!float ""',
    "no truth": "seeds: !!bool maybe",
    "no time": "seeds: !!timestamp soon",
    "no date": "seeds: 2001-99-99",
    "a date": "seeds: 2001-01-01",
    "no map": "!!map [1]",
    "no set": "!!set [1]",
    "a set": "!!set {a, b}",
    "pairs": "seeds: !!pairs 3",
    "an ordered map": "seeds: !!omap [a: 1]",
    "bytes": "seeds: !!binary aGVsbG8=",
    "no bytes": "seeds: !!binary ä",
    "half a character": 'name: "\\ud800"',
    "no character": 'name: "\\U00110000"',
    "two documents": "a: 1\n---\nb: 2",
    "another YAML": "%YAML 9.9\n---\na: 1",
    "no name": "~: 1",
    "no text as a name": "1.5: 2",
    "a list as a name": "? [a]\n: 1",
    "a field twice": "seeds: [1]\nseeds: [2]",
    "a field twice, far inside": "recipe: {augmentation: {flip: true, flip: false}}",
    "an unknown alias": "a: *b",
    "a tab": "\ta: 1",
    "nothing": "",
    "a comment": "# nothing",
    "too long a file": "# " + "x" * MOST_YAML,
    "one long word": "name: " + "x" * 60_000,
    "many fields": "\n".join(f"k{n}: 1" for n in range(500)),
    "no UTF-8": b"\xff\xfe\xfa",
    "UTF-16": "seeds: [1]".encode("utf-16"),
    "NUL": b"name: \x00",
    "a picture": b"\x89PNG\r\n\x1a\n",
}
CODE = (
    "!!python/object/apply:os.mkdir [{0}]",
    "!!python/object/new:os.mkdir [{0}]",
    "!!python/object/apply:subprocess.check_output [[mkdir, {0}]]",
    "a: !!python/name:os.mkdir",
    "a: !!python/module:os",
    "!!python/object:pathlib.Path {{}}",
)


@pytest.fixture
def file(tmp_path):
    """Writes a YAML file in an empty folder, in which nothing else may appear."""
    folder = tmp_path / "only"
    folder.mkdir()

    def write(content):
        path = folder / "file ä.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path

    yield write
    assert {path.name for path in folder.iterdir()} <= {"file ä.yaml"}


def experiment_of(path):
    return load_experiment(path, None, {})


@pytest.mark.parametrize("read", [experiment_of, load_config])
@pytest.mark.parametrize("case", HAND_WRITTEN)
def test_yaml_written_to_break_readers(judged, file, read, case):
    path = file(HAND_WRITTEN[case])
    assert judged(lambda: read(path), path) is None


@pytest.mark.parametrize("text", CODE)
def test_yaml_with_code_runs_none(judged, canary, file, text):
    path = file(text.format(canary.path))
    assert judged(lambda: load_config(path), path) is None
    assert judged(lambda: experiment_of(path), path) is None


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_field(file):
    assert read_yaml(file(b"\xef\xbb\xbfname: x")) == {"name": "x"}


@pytest.mark.parametrize("read", [experiment_of, load_config])
def test_a_pipe_a_folder_and_a_device_make_nobody_wait(judged, tmp_path, read):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "nothing")
    (tmp_path / "itself.yaml").symlink_to(tmp_path / "itself.yaml")
    for path in tmp_path.iterdir():
        assert judged(lambda path=path: read(path), path) is None


@MANY
@given(st.data())
def test_any_text_is_plain_values_or_one_line(judged, fuzz, data):
    text = data.draw(st.sampled_from(TEXTS).flatmap(lambda text: fuzz.bytes(text.encode())))
    judged(lambda: yaml.safe_dump(parsed_yaml(text.decode(errors="replace"))), "", refusal=ValueError)


@settings(MANY, max_examples=max(1, settings.default.max_examples // 2))
@given(st.data())
def test_damaged_descriptions_of_data(judged, fuzz, file, data):
    path = file(data.draw(fuzz.bytes(TEXTS[1].encode())))
    judged(lambda: load_config(path), path)


def as_yaml(value):
    """YAML, also of what is too deep for its writer."""
    try:
        return yaml.dump(value, allow_unicode=True)
    except RecursionError:
        return "name: " + "[" * 5000 + "]" * 5000


@MANY
@given(st.data())
def test_fields_of_other_types_in_descriptions_of_data(judged, fuzz, file, data):
    path = file(as_yaml(data.draw(fuzz.values(DATA))))
    judged(lambda: load_config(path), path)


@settings(MANY, max_examples=max(1, settings.default.max_examples // 2))
@given(st.data())
def test_damaged_experiments(judged, fuzz, file, data):
    path = file(data.draw(fuzz.bytes(TEXTS[0].encode())))
    judged(lambda: experiment_of(path), path, "dataset:", "There is no preset")


@MANY
@given(st.data())
def test_fields_of_other_types_in_experiments(judged, fuzz, data):
    judged(lambda: validated(data.draw(fuzz.values(EXPERIMENT)), "an experiment"), "an experiment")


def test_nothing_is_read_beyond_a_bound(judged, file, tmp_path):
    path = file("")
    with path.open("wb") as stream:
        stream.truncate(2**40)  # a sparse terabyte
    assert judged(lambda: load_config(path), path) is None
    assert judged(lambda: experiment_of(path), path) is None


def test_sound_files_are_read_as_they_are(file):
    assert load_config(file(TEXTS[1])).tasks["semseg"].classes == ("wall", "floor")
    assert experiment_of(file(TEXTS[0].replace("replay[from=somewhere]", "margin"))).seeds == (0, 1)
    with pytest.raises(UserError, match="replay"):
        experiment_of(file(TEXTS[0].replace("[from=somewhere]", "[fro=somewhere]")))
