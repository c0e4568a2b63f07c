"""Where strategies come from: files that a user names, and plug-ins."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

import baselines
from strategies import registration, registry
from strategies.registry import (
    RegistryError,
    broken_plugins,
    discover,
    entries,
    load_file,
    resolve,
)


def refused(text: str) -> str:
    with pytest.raises(RegistryError) as caught:
        resolve(text)
    return str(caught.value)


FUNCTION = '''
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from strategies import Strategy, register

if TYPE_CHECKING:
    from strategies import Outputs
    from torch import Tensor

@register("{name}", source="test")
def score(outputs: Outputs, power: float = 1.0, how: Literal["mean", "max"] = "mean") -> dict[str, Tensor]:
    """Score."""
    return {{task: outputs.refined[task].pow(power).mean((1, 2, 3)) for task in outputs.categorical}}

@register("{name}-class", source="test")
class Mine(Strategy):
    """Mine."""

    def __init__(self, count: int = 1, outputs: str = "x") -> None:
        self.count = count
'''


def test_a_file_may_postpone_its_annotations(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FUNCTION.format(name="postponed"))
    named = resolve(f"{file}:postponed[power=2,how=max]")
    assert named.name == "postponed[power=2,how=max]"
    assert named.create().values == {"power": 2.0, "how": "max"}
    assert resolve("postponed-class[count=5]").create().count == 5
    assert "how must be mean or max" in refused("postponed[how=median]")


def test_a_file_is_executed_once_and_its_digest_is_that_of_what_was_executed(tmp_path):
    file, count = tmp_path / "counted.py", tmp_path / "count"
    source = FUNCTION.format(name="counted") + f"\nopen({str(count)!r}, 'a').write('x')\n"
    file.write_text(source)
    first = resolve(f"{file}:counted")
    (tmp_path / "sub").mkdir()
    again = resolve(f"{tmp_path}/sub/../counted.py:counted[power=3]")
    assert count.read_text() == "x"
    assert again.entry is first.entry
    file.write_text(source + "more = 1\n")
    digest = first.entry.digest
    assert len(digest) == 64
    other = tmp_path / "other.py"
    other.write_text(source.replace("counted", "other"))
    assert resolve(f"{other}:other").entry.digest != digest
    same = tmp_path / "sub" / "counted.py"
    same.write_text(source.replace("counted", "third"))
    with_more = tmp_path / "sub" / "more.py"
    with_more.write_text(source.replace("counted", "fourth"))
    assert resolve(f"{same}:third").entry.digest != resolve(f"{with_more}:fourth").entry.digest != digest


def siblings(folder, value):
    """A strategy file that imports three files beside it, each in another way."""
    folder.mkdir()
    for name in ("plain", "dotted", "later"):
        (folder / f"{name}_{value}.py").write_text(f"VALUE = {value}\n")
    file = folder / "mine.py"
    file.write_text(
        f"import plain_{value}\nfrom . import dotted_{value}\nfrom strategies import register\n"
        f"@register('beside-{value}', source='test')\n"
        "def score(outputs):\n"
        f"    from later_{value} import VALUE\n"
        f"    return plain_{value}.VALUE, dotted_{value}.VALUE, VALUE\n"
    )
    return file


@pytest.fixture
def own_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_file_imports_those_beside_it(tmp_path, own_path):
    for value in (1, 2):
        file = siblings(tmp_path / str(value), value)
        assert resolve(f"{file}:beside-{value}").create().function(None) == (value,) * 3


def test_a_file_beside_it_is_part_of_the_digest(tmp_path, own_path):
    digests = set()
    for number, changed in enumerate(["", "plain", "dotted", "later"]):
        file = siblings(tmp_path / str(number), 7)
        if changed:
            (file.parent / f"{changed}_7.py").write_text("VALUE = 8\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", [*sys.path])
            patch.setattr(registry.STRATEGIES, "entries", dict(registry.STRATEGIES.entries))
            digests.add(resolve(f"{file}:beside-7").entry.digest)
            for name in [n for n in sys.modules if n.startswith("plain_7")]:
                del sys.modules[name]
    assert len(digests) == 4


def test_a_file_of_the_same_name_beside_another_strategy_is_never_taken_for_its_own(tmp_path, own_path):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "mtal_test_shared.py").write_text(f"VALUE = {number}\n")
        content = f"{FUNCTION.format(name=f'sharing-{number}')}\nimport mtal_test_shared\n"
        (tmp_path / str(number) / "mine.py").write_text(content)
    assert resolve(f"{tmp_path}/1/mine.py:sharing-1")
    sentence = refused(f"{tmp_path}/2/mine.py:sharing-2")
    assert f"import mtal_test_shared means {tmp_path}/1/mtal_test_shared.py here" in sentence
    assert "from . import mtal_test_shared" in sentence
    mine = tmp_path / "2" / "mine.py"
    mine.write_text(mine.read_text().replace("import mtal_test_shared", "from . import mtal_test_shared"))
    assert resolve(f"{mine}:sharing-2")


def test_pythons_own_library_is_not_hidden_by_a_file(tmp_path, own_path):
    (tmp_path / "random.py").write_text("raise RuntimeError('this is not the library')")
    (tmp_path / "mine.py").write_text(f"{FUNCTION.format(name='own')}\nimport random\nrandom.random()\n")
    assert resolve(f"{tmp_path}/mine.py:own")


def test_a_file_beside_it_that_is_mended_is_loaded_at_the_next_try(tmp_path, own_path):
    (tmp_path / "mtal_test_mended.py").write_text("VALUE = 0\n")
    content = f"{FUNCTION.format(name='mended')}\nfrom mtal_test_mended import VALUE\n1 / VALUE\n"
    (tmp_path / "mine.py").write_text(content)
    assert "ZeroDivisionError" in refused(f"{tmp_path}/mine.py:mended")
    (tmp_path / "mtal_test_mended.py").write_text(
        "VALUE = 11  # of another length, for the cache of bytecode\n"
    )
    assert resolve(f"{tmp_path}/mine.py:mended")


def test_a_file_that_another_has_imported_is_not_registered_twice(tmp_path, own_path):
    (tmp_path / "mtal_test_base.py").write_text(FUNCTION.format(name="base-one"))
    (tmp_path / "mine.py").write_text(f"{FUNCTION.format(name='on-top')}\nimport mtal_test_base\n")
    assert resolve(f"{tmp_path}/mine.py:on-top")
    assert resolve(f"{tmp_path}/mtal_test_base.py:base-one")


def test_the_home_folder_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text(FUNCTION.format(name="homely"))
    assert resolve("~/mine.py:homely").name == "homely"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("raise RuntimeError('on purpose')", "RuntimeError: on purpose"),
        ("def f(:\n", "SyntaxError"),
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("@register('good')\ndef f(outputs): pass", "source"),
        ("@register('random', source='x')\ndef f(outputs): pass", "is taken"),
    ],
)
def test_a_file_that_fails_is_named_and_leaves_the_registry_untouched(tmp_path, content, word):
    file = tmp_path / "broken.py"
    file.write_text(FUNCTION.format(name="half") + "\n" + content)
    before, modules = dict(entries()), set(sys.modules)
    sentence = refused(f"{file}:half")
    assert str(file) in sentence
    assert word in sentence
    assert entries() == before
    assert not {name for name in set(sys.modules) - modules if name.startswith("mtal_strategy_file")}
    file.write_text(FUNCTION.format(name="half"))  # mended: loaded at the next try
    assert resolve(f"{file}:half").name == "half"


def test_a_file_that_is_missing_or_no_python_file_is_named(tmp_path):
    assert str(tmp_path / "none.py") in refused(f"{tmp_path}/none.py:x")
    (tmp_path / "folder.py").mkdir()
    assert "folder.py" in refused(f"{tmp_path}/folder.py:x")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RegistryError, match=r"notes\.txt; give the path of a Python file"):
        load_file(tmp_path / "notes.txt")


def test_an_unknown_name_in_a_file_lists_what_there_is(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(FUNCTION.format(name="there"))
    assert "Did you mean 'there'?" in refused(f"{file}:their")


def points(monkeypatch, modules: dict[str, str], tmp_path) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, content in modules.items():
        (tmp_path / f"{name}.py").write_text(content)
    found = [EntryPoint(name, name, registry.GROUP) for name in [*modules, "mtal_test_no_such_module"]]
    monkeypatch.setattr(registration, "entry_points", lambda group: found if group == registry.GROUP else [])


def test_a_plugin_that_fails_is_named_and_does_not_stop_the_others(monkeypatch, tmp_path):
    modules = {
        "mtal_test_raises": "raise RuntimeError('broken inside')",
        "mtal_test_exits": "raise SystemExit(3)",
        "mtal_test_takes": FUNCTION.format(name="random"),
        "mtal_test_works": FUNCTION.format(name="plugged"),
    }
    points(monkeypatch, modules, tmp_path)
    discover()
    assert resolve("plugged[power=2]").create().values == {"power": 2.0}
    assert set(broken_plugins()) == {
        "mtal_test_raises",
        "mtal_test_exits",
        "mtal_test_takes",
        "mtal_test_no_such_module",
    }
    assert "broken inside" in broken_plugins()["mtal_test_raises"]
    assert "is taken" in broken_plugins()["mtal_test_takes"]
    assert entries()["random"].make is baselines.random.Random

    from benchmark.authoring.listings import strategies

    assert "plug-in mtal_test_raises failed to import: RuntimeError: broken inside" in strategies()
