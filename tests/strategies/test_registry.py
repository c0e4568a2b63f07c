"""Names with parameters, and what may be registered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.records.round_store import Store
from strategies import StrategyName, StrategyNames, registry
from strategies.interface import Strategy
from strategies.parameters import Parameter
from strategies.registry import (
    RegistryError,
    entries,
    register,
    resolve,
    split_names,
)


@pytest.fixture
def sample():
    """A strategy with a parameter of every type."""

    @register("sample", source="test")
    class Sample(Strategy):
        """The first sentence.

        The rest.
        """

        def __init__(
            self,
            flag: bool = False,
            count: int = 3,
            share: float = 0.5,
            mode: Literal["fast", "slow"] = "fast",
            level: Literal[1, 2] = 1,
            text: str = "plain",
            untyped=7,
        ) -> None:
            self.values = dict(locals())

    return Sample


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("flag=true", "flag", True),
        ("flag=TRUE", "flag", True),
        ("count=-4", "count", -4),
        ("share=2", "share", 2.0),
        ("share=1e-5", "share", 1e-5),
        ("mode=slow", "mode", "slow"),
        ("level=2", "level", 2),
        ("text=a=b", "text", "a=b"),
        ("text=other[x=1,y=2]", "text", "other[x=1,y=2]"),
        ("untyped=8", "untyped", 8),
        (" count = 4 ", "count", 4),
    ],
)
def test_a_value_has_the_type_of_its_parameter(sample, text, name, value):
    made = resolve(f"sample[{text}]").create()
    assert made.values[name] == value
    assert type(made.values[name]) is type(value)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("sample", "sample"),
        ("  sample ", "sample"),
        ("sample[]", "sample"),
        ("sample[count=3,share=0.50,flag=false]", "sample"),
        ("sample[share=2,flag=true]", "sample[flag=true,share=2]"),
        ("sample[share=2.0]", "sample[share=2]"),
        ("sample[text=v1.0]", "sample[text=v1.0]"),
        ("sample[share=0.1]", "sample[share=0.1]"),
        ("sample[level=2,mode=slow,count=9]", "sample[count=9,mode=slow,level=2]"),
        ("sample[text=other[b=1,a=2],count=4]", "sample[count=4,text=other[b=1,a=2]]"),
    ],
)
def test_the_canonical_name_drops_defaults_and_follows_the_signature(sample, text, canonical):
    named = resolve(text)
    assert named.name == canonical
    assert resolve(canonical).name == canonical
    assert resolve(canonical).values == {k: v for k, v in named.values.items() if f"{k}=" in canonical}


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_a_canonical_name_means_the_same_strategy_again(count, share, flag):
    class Numbers(Strategy):
        def __init__(self, count: int = 0, share: float = 0.0, flag: bool = False) -> None:
            self.values = (count, share, flag)

    entry = registry._entry("any", Numbers, "test", None, (), ())
    given_ = {"count": count, "share": share, "flag": flag}
    name = registry._canonical(entry, given_)
    _, texts = registry._split(name)
    parsed = {key: registry._value(entry, key, text) for key, text in texts.items()}
    assert Numbers(**parsed).values == (count, share, flag)


def test_names_are_split_at_commas_outside_brackets():
    text = "random, a[b=1,c=d[e=2,f=3]] ,,entropy,"
    assert split_names(text) == ["random", "a[b=1,c=d[e=2,f=3]]", "entropy"]
    assert split_names(" , ") == []


def test_an_unknown_name_lists_what_there_is_and_the_closest():
    sentence = refused("entropi")
    assert "'entropi'" in sentence
    assert "Did you mean 'entropy'?" in sentence
    for name in entries():
        assert name in sentence
    assert "Did you mean" not in refused("zzzzzz")


def test_an_unknown_parameter_lists_those_there_are(sample):
    sentence = refused("sample[cout=1]")
    assert "parameter of sample 'cout'" in sentence
    assert "Did you mean 'count'?" in sentence
    assert "flag, count, share, mode, level, text, untyped" in sentence
    assert "none" in refused("cdal[x=1]")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("flag=1", "true or false"),
        ("flag=yes", "true or false"),
        ("count=1.5", "a whole number"),
        ("count=x", "a whole number"),
        ("share=x", "a finite number"),
        ("share=nan", "a finite number"),
        ("share=inf", "a finite number"),
        ("mode=medium", "fast or slow"),
        ("level=3", "1 or 2"),
    ],
)
def test_a_wrong_value_says_what_is_wanted(sample, text, wanted):
    sentence = refused(f"sample[{text}]")
    assert text.split("=")[1] in sentence
    assert f"must be {wanted}" in sentence


@pytest.mark.parametrize(
    "text",
    [
        "sample[",
        "sample[count=1",
        "sample[count=1]x",
        "sample[count]",
        "sample[=1]",
        "sample[count=]",
        "sample[count=1,count=2]",
        "[count=1]",
        "",
        "sample]",
    ],
)
def test_a_malformed_name_is_refused(sample, text):
    refused(text)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-",
        "a b",
        "a--b",
        "-a",
        "a-",
        "a/b",
        "../a",
        "a.b",
        "a[b]",
        "a,b",
        "a=b",
        "<b>",
        "a_b",
        "ä",
        "a\n",
    ],
)
def test_hostile_names_are_refused(name):
    with pytest.raises(RegistryError, match="letters and digits"):
        register(name, source="test")(lambda outputs: {})
    assert name not in entries()


@pytest.mark.parametrize("name", ["random", "full-data", "round-0"])
def test_a_name_in_use_or_reserved_is_refused(name):
    before = dict(entries())
    with pytest.raises(RegistryError, match=r"is taken; names in use: .*entropy.*round-0"):
        register(name, source="test")(lambda outputs: {})
    assert entries() == before


def test_what_is_registered_is_handed_back_unchanged():
    def mine(outputs, power: float = 1.0):
        """Mine."""

    assert register("mine", source="me")(mine) is mine
    entry = entries()["mine"]
    assert (entry.summary, entry.source) == ("Mine.", "me")
    assert Path(__file__).resolve() in entry.files
    with pytest.raises(TypeError):
        entries()["other"] = entry  # type: ignore[index]


def test_a_class_without_a_docstring_does_not_take_that_of_its_base(sample):
    @register("silent", source="test")
    class Silent(Strategy):
        pass

    assert entries()["silent"].summary == ""
    assert entries()["sample"].summary == "The first sentence."
    assert entries()["sample"].description.endswith("\n\nThe rest.")


def no_default(outputs, power):
    """A parameter that no name could set."""


def a_list(outputs, powers: list = ()):  # type: ignore[type-arg, assignment]
    """A parameter that no name could hold."""


def optional(outputs, power: float | None = None):
    """The same."""


def positional(outputs, power: float = 1.0, /):
    """A parameter that cannot be given by name."""


def twice(outputs, from_: int = 0, from__: int = 1):
    """Two parameters of one name."""


def takes_nothing():
    """No outputs."""


def takes_no_outputs(*, power: float = 1.0):
    """The same."""


class NotAStrategy:
    pass


class NeedsAnArgument(Strategy):
    def __init__(self, count: int) -> None:
        self.count = count


class UnknownView(Strategy):
    views = ("rotate",)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("thing", "word"),
    [
        (no_default, "power"),
        (a_list, "powers"),
        (optional, "power"),
        (positional, "not stand before a '/'"),
        (twice, "underscore"),
        (takes_nothing, "first argument"),
        (takes_no_outputs, "first argument"),
        (3, "a function or a class"),
        (NotAStrategy, "derived from Strategy"),
        (NeedsAnArgument, "count"),
        (UnknownView, "rotate"),
    ],
)
def test_what_could_not_be_used_is_refused_when_it_is_registered(thing, word):
    with pytest.raises(RegistryError, match=word):
        register("odd", source="test")(thing)
    assert "odd" not in entries()


def test_views_are_checked():
    for view in ("flop", "dropout", "dropout-0", "flip "):
        with pytest.raises(RegistryError, match="There is: flip, dropout-1"):
            register("odd", source="test", views=(view,))(lambda outputs: {})
    with pytest.raises(RegistryError, match="class attribute"):
        register("odd", source="test", views=("flip",))(Strategy)
    register("even", source="test", views=("flip",))(lambda outputs: {})
    assert resolve("even").create().views == ("flip",)


def test_a_constructor_that_fails_is_one_sentence():
    @register("picky", source="test")
    class Picky(Strategy):
        def __init__(self, count: int = 1) -> None:
            if count < 1:
                raise ValueError("count must be at least 1")
            raise RuntimeError("never")

    with pytest.raises(RegistryError, match=r"'picky\[count=0\]'.*: count must be at least 1\.$"):
        resolve("picky[count=0]").create()
    with pytest.raises(RegistryError, match=r"RuntimeError: never"):
        resolve("picky").create()


def test_listing_strategies_needs_no_torch():
    code = (
        "import baselines, sys; from strategies.registry import entries, resolve;"
        "[resolve(name).create() for name in entries()]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def longest(parameter: Parameter) -> str:
    others = [str(choice) for choice in parameter.choices if choice != parameter.default]
    plain: dict[Any, str] = {
        bool: str(not parameter.default).lower(),
        int: "4096",
        float: "0.125",
        str: "abcdef",
        StrategyName: "learning-loss[hidden=4096,margin=0.125]",
        StrategyNames: "random+entropy",
    }
    return max(others, key=len) if others else plain[parameter.annotation]


@pytest.mark.parametrize("name", sorted(entries()))
def test_the_longest_name_still_names_a_folder(name, tmp_path):
    values = ",".join(f"{p.name}={longest(p)}" for p in entries()[name].parameters.values())
    named = resolve(f"{name}[{values}]")
    assert len(named.full_name) >= len(values)
    Store(tmp_path).trajectory("rooms", named.name, 0).mkdir(parents=True)  # a file system takes 255 bytes


def test_a_strategy_without_select_says_so(sample):
    with pytest.raises(TypeError, match=r"Sample must define select"):
        resolve("sample").create().select(None, 1)  # type: ignore[arg-type]
