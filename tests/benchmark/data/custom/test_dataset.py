"""A data set of one's own, from a file: opened with its options, checked, cached and keyed by its code."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data.checks.check import check_dataset
from benchmark.data.decoded.memory_map import key_of
from benchmark.data.decoded.rows import Rows
from benchmark.data.feed import open_feed
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset, preset_file
from benchmark.plugins import RegistryError

FILE = (Path(__file__).parents[2] / "own_plugins.py").read_text()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ramps.py"
    path.write_text(FILE)
    return path


@pytest.fixture
def changed(tmp_path):
    """Writes the file with one part of it changed, under a name of its own."""

    def made(old, new, name="changed"):
        assert old in FILE
        path = tmp_path / f"{name}.py"
        path.write_text(FILE.replace(old, new))
        return f"{path}:ramps"

    return made


def digest_in_a_new_process(name, **options):
    """Of a data set whose file another process loads: this one has executed an older state of it."""
    code = (
        "from benchmark.experiment.catalogue import open_dataset\n"
        f"dataset = open_dataset({name!r}, {options!r})\n"
        "from benchmark.data.decoded.rows import Rows\n"
        "from benchmark.data.decoded.memory_map import key_of\n"
        "rows = Rows(dataset.train, dataset.tasks)\n"
        "print(dataset.key, dataset.tasks[0].code, key_of(rows, ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_it_is_opened_with_its_options_and_passes_the_check(file):
    dataset = open_dataset(f"{file}:ramps", {"count": 5, "step": 2})
    assert dataset.name == "ramps"
    assert len(dataset.train.ids) == 5
    assert [(task.name, task.kind, task.headline) for task in dataset.tasks] == [
        ("near", "scalar", "mean_error")
    ]
    assert dataset.facts["options"] == {"count": 5, "step": 2.0, "kind": "near"}
    assert dataset.facts["source"] == "me 2001"
    assert check_dataset(dataset).ok


def test_the_folder_is_handed_on(file, tmp_path, monkeypatch):
    monkeypatch.delenv("MTAL_DATA", raising=False)
    name = f"{file}:ramps"
    assert open_dataset(name, {}).facts["folder"] == "None"
    assert open_dataset(name, {}, tmp_path).facts["folder"] == str(tmp_path)
    monkeypatch.setenv("MTAL_DATA", str(tmp_path / "there"))
    assert open_dataset(name, {}).facts["folder"] == str(tmp_path / "there")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            {"cuont": 3},
            RegistryError,
            "no option of ramps 'cuont'. Did you mean 'count'. There is: count, step",
        ),
        ({"count": "3"}, RegistryError, "The option count of ramps must be a whole number, not '3'"),
        ({"kind": "off"}, RegistryError, "kind of ramps must be near or far, not 'off'"),
        ({"size": [3, 3]}, UserError, r"options of ramps \(data\): size.0"),
        ({"height": 8}, UserError, "height and width go together"),
    ],
)
def test_a_wrong_option_is_one_sentence(file, options, error, words):
    with pytest.raises(error, match=words):
        open_dataset(f"{file}:ramps", options)


def test_part_of_the_images_and_another_size_can_be_asked_of_it(file):
    whole = open_dataset(f"{file}:ramps", {})
    part = open_dataset(f"{file}:ramps", {"pool": 3, "val": 2, "size": [16, 20]})
    assert part.train.ids == (whole.train.ids[0], whole.train.ids[6], whole.train.ids[-1])
    assert len(part.val.ids) == 2
    sample = part.train[1]
    assert sample.image.shape == (16, 20, 3)
    np.testing.assert_array_equal(sample.labels["near"], whole.train[6].labels["near"][1::2, 1::2])
    assert part.digest != whole.digest


def test_it_uses_the_presets_of_folders_or_of_the_family_that_it_names(file):
    assert preset_file(f"{file}:ramps", "quick").stem == "folder-quick"


def test_a_family_of_its_choice(changed):
    named = changed('("ramps", source="me 2001")', '("ramps", source="me 2001", family="rooms")')
    assert preset_file(named, "quick").stem == "rooms-quick"


def test_the_digest_follows_options_data_and_code(file):
    name = f"{file}:ramps"
    digests = {
        open_dataset(name, options).digest
        for options in ({}, {"count": 12}, {"step": 2.0}, {"kind": "far"}, {"pool": 3})
    }
    assert len(digests) == 4  # a default that is written out is the default
    first = digest_in_a_new_process(name)
    assert first[0] == open_dataset(name, {}).key
    file.write_text(FILE.replace('"""Ramps of depth, and a task for them."""', "# words alone"))
    assert digest_in_a_new_process(name) == first
    file.write_text(FILE.replace("1 + self.step", "2 + self.step"))
    assert all(map(str.__ne__, digest_in_a_new_process(name), first))


def test_rows_of_a_built_in_data_set_are_kept_under_the_key_that_they_had():
    rooms = open_dataset("rooms", {"pool": 2, "val": 1, "height": 16, "width": 16})
    rows = Rows(rooms.train, rooms.tasks)
    columns = [[column.name, column.dtype.str, column.shape] for column in rows.columns]
    key = hashlib.sha256(json.dumps([rooms.digest, rows.ids, columns]).encode()).hexdigest()[:32]
    assert key_of(rows, rooms.digest) == key


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("self.digest = f", "self.dgest = f", "'ramps' makes RampsData, which has no digest"),
        ('f"{count} {step}"', "3", "must have a digest that is text and changes with its data, not 3"),
        ('(make_task("near", task="relative_depth"),)', "()", "must have tasks"),
        ('(make_task("near", task="relative_depth"),)', '("near",)', "has 'near' among its tasks"),
        ('f"{part}-{index:03d}"', '"one"', "has the id 'one' twice in train"),
        ('f"{part}-{index:03d}"', "index", r"must have train.ids, a tuple of one or more texts"),
        ('f"{part}-{index:03d}"', 'f"{part}\\n{index}"', "ids are printable text"),
        ("step: float = 1.0", "step: list = []", "Parameter 'step' must have a default"),
        ("self.facts", "1 / 0\n        self.facts", "'ramps' cannot be made: ZeroDivisionError"),
    ],
)
def test_what_is_no_data_set_is_named(changed, old, new, words):
    with pytest.raises((UserError, RegistryError), match=words):
        open_dataset(changed(old, new), {})


FACTS = 'self.facts = {"folder": str(folder)}'


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("self.facts = None", "must have facts, a mapping from texts to what JSON can hold, not None"),
        ("self.facts = {3: 4}", "must have facts by name, a text, not 3"),
        (
            "self.facts = {'count': np.int64(3)}",
            r"has the fact 'count', np.int64\(3\), which JSON cannot hold",
        ),
        (
            "self.facts = {'deep': {'mean': [float('nan')]}}",
            "has the fact 'deep', .*nan.*: facts are texts, No",
        ),
        (
            "self.codings = {'near': 255}",
            "must have codings, a mapping from tasks to .*Coding, not {'near': 255}",
        ),
        ("self.codings = None", "must have codings, .*, not None"),
        ("self.findings = ('text',)", "must have findings, a list of .*Finding, not .'text',."),
        ("self.findings = None", "must have findings, .*, not None"),
        ("self.groups = ['a']", r"must have groups, a mapping from ids to texts, or None, not \['a'\]"),
        (
            "self.columns = {'minutes': [1, 2]}",
            "must have columns, a mapping from names to mappings from ids",
        ),
        (
            "self.columns = {'minutes': {'train-000': 1}}",
            "has no number of 'train-001' in the column 'minutes'",
        ),
        ("self.columns = {'minutes': dict.fromkeys(self.train.ids, 'x')}", "has no number of 'train-000'"),
        ("self.origin = __import__('pathlib').Path('/data')", "must have an origin of None or .*Root.*/data"),
    ],
)
def test_a_wrong_part_that_may_be_added_is_named(changed, new, words):
    with pytest.raises(RegistryError, match=rf"^Data set 'ramps' {words}.*\.$"):
        open_dataset(changed(FACTS, new), {})


def test_parts_that_may_be_added_are_taken(changed):
    parts = """
        from benchmark.data.dataset import Coding
        from benchmark.data.problems import Finding
        from benchmark.data.roots import Root
        from pathlib import Path
        self.facts = {"mean": 0.5, "sizes": (3, 4), "known": None}
        self.codings, self.findings = {"near": Coding(255)}, [Finding("rule", "text")]
        self.groups = dict.fromkeys(self.train.ids, "one")
        self.columns = {"minutes": {image: np.float32(2) for image in self.train.ids}}
        self.origin = Root(Path("/data"), "me")"""
    dataset = open_dataset(changed(FACTS, parts.strip()), {"pool": 2})
    assert dataset.facts["mean"] == 0.5
    assert (dataset.codings["near"].ignored, dataset.findings[0].text) == (255, "text")
    assert (dataset.groups["train-001"], dataset.columns["minutes"]["train-001"]) == ("one", 2)
    assert str(dataset.origin) == "'/data' (me)"


@pytest.mark.parametrize("options", [{}, {"size": [16, 20]}])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("(image, {'near': depth})", "its code gives tuple, and should give benchmark.data.dataset.Sample"),
        ("Sample(image.tolist(), {})", "its image is list, and should be a NumPy array"),
        (
            "Sample(image, ('near', depth))",
            "its labels are tuple, and should be a mapping from tasks to arrays",
        ),
        ("Sample(image, {'near': depth.tolist()})", "its near label is list, and should be a NumPy array"),
        ("Sample(image, {'near': None})", "its near label is NoneType, .*; leave a missing label out"),
        (
            "Sample(image, {'near': __import__('torch').tensor(depth)})",
            "its near label is Tensor, and should",
        ),
    ],
)
def test_what_is_no_sample_of_arrays_is_named(changed, options, given, words):
    made = 'Sample(image, {"near": depth} if position % 3 != 2 else {})'
    dataset = open_dataset(changed(made, given), options)
    with pytest.raises(UserError, match=rf"^Data set 'ramps', train, image 'train-000': {words}.*\.$"):
        dataset.train[0]
    assert any("train-000" in line for line in check_dataset(dataset).problems)


def test_code_that_fails_on_an_image_names_it_and_the_line(changed):
    dataset = open_dataset(changed("rng = np", "assert position != 4, 'four'\n        rng = np"), {})
    with pytest.raises(UserError) as caught:
        dataset.train[4]
    place = FILE[: FILE.index("rng = np")].count("\n") + 1
    assert str(caught.value) == (
        f"Data set 'ramps', train, image 'train-004': its code failed: AssertionError: four (changed.py, "
        f"line {place})."
    )
    assert any("train-004" in line for line in check_dataset(dataset).problems)


@pytest.mark.parametrize("home", ["device", "disk", "stream"])
def test_it_is_fed_from_wherever_rows_live(file, home):
    """``stream`` decodes in processes that have to load the file themselves."""
    dataset = open_dataset(f"{file}:ramps", {"count": 4})
    feed = open_feed(dataset, "train", torch.device("cpu"), home)
    (batch,) = feed.batches([np.arange(4)])
    expected = torch.from_numpy(dataset.train[1].labels["near"])
    assert torch.equal(batch.labels["near"][1], expected)
    assert batch.labels["near"][2].isnan().all()


def test_an_edited_file_reads_no_stale_rows(file):
    """Rows decoded by the old code lie on the disk; those of the new are others."""
    code = (
        "import sys, torch, numpy as np\n"
        "from benchmark.data.feed import open_feed\n"
        "from benchmark.experiment.catalogue import open_dataset\n"
        f"dataset = open_dataset({f'{file}:ramps'!r}, {{}})\n"
        "feed = open_feed(dataset, 'train', torch.device('cpu'), 'disk')\n"
        "print(float(feed.batch(np.array([1])).labels['near'].min()))"
    )

    def least():
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
        )
        return float(done.stdout)

    assert least() == 1
    file.write_text(FILE.replace("1 + self.step", "2 + self.step"))
    assert least() == 2
