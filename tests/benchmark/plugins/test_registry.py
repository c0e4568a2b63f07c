"""What is registered by name: networks, backbones, tasks and data sets of one's own."""

import linecache
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Literal

import pytest

from benchmark.networks.backbone import Backbone
from benchmark.plugins import BACKBONES, DATASETS, NETWORKS, TASKS, plain_name, register_backbone
from strategies import registration
from strategies.registry import RegistryError, entries

FILE = '''
from benchmark.networks.backbone import Backbone
from benchmark.plugins import register_backbone, register_dataset
from strategies import register

@register_backbone("my_net", source="me 2001")
class Mine(Backbone):
    """One map.

    More words."""
    channels, strides, multiple = (3,), (1.0,), 1

    def __init__(self, depth: int = 3, rate: float = 0.5, norm: bool = True) -> None:
        super().__init__()
        self.depth = depth

@register_dataset("my-data", source="me 2001")
def opened(root, size: int = 8):
    """Mine."""
    return root, size

@register("my-score", source="me 2001")
def score(outputs):
    return {}
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_a_file_is_executed_once_for_all_that_it_registers(file):
    entry = BACKBONES.resolve(f"{file}:my_net")
    assert (entry.name, entry.summary, entry.source) == ("my_net", "One map.", "me 2001")
    assert "More words." in entry.description
    assert DATASETS.resolve(f"{file}:my-data").create("here", options={"size": 2}) == ("here", 2)
    assert "my-score" in entries()
    assert BACKBONES.resolve("my_net") is entry
    assert plain_name(f"{file}:my_net") == plain_name("my_net") == "my_net"


def test_options_are_those_of_the_constructor_and_those_that_are_not_its_defaults_count(file):
    entry = BACKBONES.resolve(f"{file}:my_net")
    assert entry.create(options={"depth": 5}).depth == 5
    assert entry.values({"rate": 2, "depth": 3, "norm": False}) == {"rate": 2.0, "norm": False}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"deepth": 3},
            "There is no option of my_net 'deepth'. Did you mean 'depth'? There is: depth, rate, norm",
        ),
        ({"depth": "3"}, "The option depth of my_net must be a whole number, not '3'."),
        ({"depth": True}, "must be a whole number, not True"),
        ({"depth": 2.0}, "must be a whole number"),
        ({"norm": 1}, "must be true or false"),
        ({"rate": float("nan")}, "must be a finite number"),
        ({"rate": [1]}, "must be a finite number"),
    ],
)
def test_an_option_that_it_does_not_take_is_refused(file, options, sentence):
    with pytest.raises(RegistryError) as caught:
        BACKBONES.resolve(f"{file}:my_net").values(options)
    assert sentence in str(caught.value)


def test_code_enters_keys_but_for_what_is_built_in_and_wording_does_not(tmp_path):
    codes = set()
    for number, text in enumerate([FILE, FILE.replace("me 2001", "you 2002"), FILE.replace("= 3", "= 4")]):
        path = tmp_path / f"mine{number}.py"
        path.write_text(text.replace("my_net", f"net{number}").replace("my-", f"m{number}-"))
        codes.add(BACKBONES.resolve(f"{path}:net{number}").code.partition("@")[2])
    assert len(codes) == 3, "names differ"
    assert {NETWORKS.resolve(name).code for name in ("pad_net", "mti_net")} == {"pad_net", "mti_net"}


def test_wording_changes_no_digest(tmp_path):
    digests = []
    for text in (FILE, FILE.replace("me 2001", "you 2002").replace("More words.", "Less.")):
        (folder := tmp_path / str(len(digests))).mkdir()
        (folder / "mine.py").write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            for registry in registration.registries():
                patch.setattr(registry, "entries", dict(registry.entries))
            digests.append(BACKBONES.resolve(f"{folder}/mine.py:my_net").digest)
    assert digests[0] == digests[1] != None  # noqa: E711 - a digest there is


def test_a_file_that_fails_leaves_nothing_in_any_registry(file):
    file.write_text(FILE + "\n1 / 0\n")
    with pytest.raises(RegistryError, match=r"Backbone file .*mine\.py failed: ZeroDivisionError"):
        BACKBONES.resolve(f"{file}:my_net")
    assert not {"my_net", "my-data", "my-score"} & {*BACKBONES.entries, *DATASETS.entries, *entries()}
    file.write_text(FILE)
    assert BACKBONES.resolve(f"{file}:my_net")


def test_an_unknown_name_lists_what_there_is(file):
    with pytest.raises(RegistryError, match=r"no network 'pad_nett'\. Did you mean 'pad_net'"):
        NETWORKS.resolve("pad_nett")
    with pytest.raises(RegistryError, match=r"named 'my_mett'. Did you mean 'my_net'\? There is: my_net"):
        BACKBONES.resolve(f"{file}:my_mett")
    assert BACKBONES.find("resnet50") is None


class Plain:
    pass


class Untyped(Backbone):
    def __init__(self, depth=(1, 2)) -> None:
        super().__init__()


class Good(Backbone):
    def __init__(self, kind: Literal["a", "b"] = "a") -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("name", "thing", "word"),
    [
        ("mine", Plain, "derived from Backbone"),
        ("mine", lambda: None, "derived from Backbone"),
        ("mine", Untyped, "'depth' must have a default"),
        ("tiny", Good, "is taken; names in use: tiny"),
        ("my net", Good, "letters and digits joined by _ or -"),
        ("-mine", Good, "letters and digits joined by _ or -"),
        ("mine[a=1]", Good, "letters and digits joined by _ or -"),
    ],
)
def test_what_could_not_be_used_is_refused_when_it_is_registered(name, thing, word):
    with pytest.raises(RegistryError, match=word):
        register_backbone(name, source="test")(thing)


def test_choices_are_options():
    register_backbone("good", source="test")(Good)
    assert BACKBONES.resolve("good").values({"kind": "b"}) == {"kind": "b"}
    with pytest.raises(RegistryError, match="kind of good must be a or b, not 'c'"):
        BACKBONES.resolve("good").values({"kind": "c"})


def test_entry_points_are_imported_when_a_name_is_not_built_in(monkeypatch, tmp_path, file):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mtal_test_fails.py").write_text("raise RuntimeError('made to fail')")
    file.rename(tmp_path / "mtal_test_brings.py")
    points = [EntryPoint(name, name, "mtal.backbones") for name in ("mtal_test_fails", "mtal_test_brings")]
    monkeypatch.setattr(
        registration, "entry_points", lambda group: points if group == "mtal.backbones" else []
    )
    monkeypatch.setattr(BACKBONES, "_discovered", False)
    assert BACKBONES.resolve("tiny")
    assert "mtal_test_brings" not in sys.modules
    assert BACKBONES.resolve("my_net").digest
    assert BACKBONES.broken == {"mtal_test_fails": "RuntimeError: made to fail"}


def test_none_of_it_imports_torch():
    code = (
        "import sys; from benchmark.plugins import NETWORKS, TASKS; NETWORKS.resolve('pad_net');"
        "assert NETWORKS.everything(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_kind_has_a_group_and_a_contract_of_its_own():
    kinds = (NETWORKS, BACKBONES, TASKS, DATASETS)
    assert {kind.group for kind in kinds} == {
        f"mtal.{what}" for what in ("networks", "backbones", "tasks", "datasets")
    }
    assert len({kind.contract for kind in kinds}) == 4


CELL = """
from benchmark.networks.backbone import Backbone
from benchmark.plugins import register_backbone

@register_backbone("{name}", source="me")
class Mine(Backbone):
    def forward(self, images):
        return [images * {factor}]
"""


def test_what_is_typed_into_a_notebook_is_known_by_its_code(monkeypatch):
    digests = []
    for number, factor in enumerate((2, 2, 3)):
        text, cell = CELL.format(name=f"mine{number}", factor=factor), f"<cell {number}>"
        monkeypatch.setitem(linecache.cache, cell, (len(text), None, text.splitlines(True), cell))
        exec(compile(text, cell, "exec"), {"__name__": "mtal_test_session"})
        digests.append(BACKBONES.resolve(f"mine{number}").digest)
    assert digests[0] == digests[1] != digests[2]
    assert None not in digests
