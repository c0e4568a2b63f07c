"""Digests of a strategy's code: what changes them, and what does not."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

import baselines  # noqa: F401
from strategies import registration, registry, source
from strategies.registry import discover, entries, resolve
from strategies.source import FRAME, covered, source_digest

CODE = """
'''What it is.'''
from strategies import register

@register("mine", source="me 2001")
def mine(outputs, power: float = 1.0):
    '''Says it.'''
    # because
    return {t: outputs.refined[t].mean((1, 2, 3)) ** power for t in outputs.categorical}

class Helper:
    '''Helps.'''
    value = 1
"""


def digest_of(file):
    return source_digest([spec_from_file_location("some_module", file)])


@pytest.fixture
def digest(tmp_path):
    """Of a file with this content."""

    def make(content):
        file = tmp_path / str(len(list(tmp_path.iterdir()))) / "some.py"
        file.parent.mkdir()
        file.write_text(content)
        return digest_of(file)

    return make


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("What it is.", "What it was."),
        ("Says it.", "Tells it."),
        ("Helps.", ""),
        ("# because", "# why not"),
        ("    # because\n", "\n\n"),
        ("me 2001", "me and you 2002"),
        ('source="me 2001"', 'source="me 2001", family="other"'),
        ("value = 1", "value = 1\n    'What it holds.'"),
        ("(1, 2, 3)", "(\n        1,\n        2,\n        3,\n    )"),
    ],
)
def test_wording_changes_nothing(digest, before, after):
    assert CODE.replace(before, after) != CODE
    assert digest(CODE.replace(before, after)) == digest(CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1, 2, 3", "1, 3, 2"),
        ("power: float = 1.0", "power: float = 1"),
        ("mean", "sum"),
        ("value = 1", "value = '1'"),
        ('@register("mine"', '@register("other"'),
        ('source="me 2001"', 'source="me 2001", kinds=("scalar",)'),
        ("** power", "+ power"),
    ],
)
def test_code_changes_it(digest, before, after):
    assert digest(CODE.replace(before, after)) != digest(CODE)


def test_what_cannot_be_parsed_is_told_apart_by_its_bytes(digest):
    assert digest("def (") == digest("def (") != digest("def ( ")
    deep = "x = " + "(" * 3000 + ")" * 3000
    assert digest(deep) == digest(deep)


PACKAGE = {
    "__init__.py": "from . import chooses\n",
    "chooses.py": """
from strategies import register
from .deep.math import scale

@register("packed", source="test")
def packed(outputs):
    from . import lazily
    import mtal_test_package.late.er
    return {}
""",
    "deep/__init__.py": "",
    "deep/math.py": "import mtal_test_package.settings as settings\nscale = 1\n",
    "settings.py": "SETTING = 1\n",
    "lazily.py": "LAZY = 1\n",
    "late/er.py": "LATE = 1\n",
    "unrelated.py": "OTHER = 1\n",
}


def install(site, changed=""):
    """The package as pip leaves it, one file changed; its digest in a process of its own."""
    for name, content in PACKAGE.items():
        file = site / "mtal_test_package" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + ("CHANGED = 1\n" if name == changed else ""))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install the package with a file changed, and what it registers then."""

    def entry(changed=""):
        site = tmp_path / (changed.replace("/", "-") or "as-it-is") / "site-packages"
        install(site, changed)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(site)
            patch.setattr(registry.STRATEGIES, "entries", dict(registry.STRATEGIES.entries))
            point = EntryPoint("packed", "mtal_test_package", registry.GROUP)
            patch.setattr(registration, "entry_points", lambda group: [point])
            discover()
            found = entries()["packed"]
            assert found.digest
        for name in [name for name in sys.modules if name.startswith("mtal_test_package")]:
            del sys.modules[name]
        return found

    return entry


def test_an_installed_plug_in_is_known_by_all_that_it_imports_of_its_package(installed):
    digests = {changed: installed(changed).digest for changed in ("", *PACKAGE)}
    assert digests.pop("unrelated.py") == digests[""], "nobody imports it"
    assert len(set(digests.values())) == len(digests)


def test_a_name_in_a_table_is_not_enough_its_code_is_in_the_key(installed):
    before = installed()
    assert registry.Named("packed", before, {}).code.startswith("packed@")
    assert registry.Named("packed", before, {}).digests == (before.digest,)


def names_of(name):
    return {spec.name for spec in covered(entries()[name].modules)}


def test_built_in_strategies_are_known_by_what_they_import_of_the_project():
    assert names_of("random") == {"baselines.random"}
    assert "strategies.scoring" in names_of("margin"), "a function is ranked there"
    method = names_of("consistency-diversity")
    expected = {"consistency_diversity", "divergences", "representation", "score_normalisation"}
    expected |= {"kernels.k_center", "kernels._points"}
    assert {f"strategies.{name}" for name in expected} <= method
    assert "baselines.random" not in method
    assert {"baselines._graph_network", "strategies.kernels.neighbours"} <= names_of("core-gcn")
    for name in entries():
        assert not names_of(name) & FRAME
        assert {each.partition(".")[0] for each in names_of(name)} <= {"strategies", "baselines"}


def test_packages_that_hand_on_hold_nothing_else():
    """Their files are not covered: only what is asked for by name is."""
    for package in ("strategies", "baselines"):
        tree = source._tree(Path(sys.modules[package].__file__))
        for statement in tree.body:
            assert not source._acts(statement) or type(statement).__name__ == "ImportFrom"


def test_every_built_in_strategy_has_a_digest_and_none_needs_torch():
    code = (
        "import baselines, sys; from strategies.registry import entries, resolve;"
        "assert all(resolve(name).entry.digest for name in entries()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bases_are_in_the_code_of_what_modifies_them():
    plain, other = resolve("power[base=margin]"), resolve("power[base=learning-loss]")
    assert plain.digests[0] == other.digests[0] == resolve("power").entry.digest
    assert plain.digests[1] == resolve("margin").entry.digest != other.digests[1]
