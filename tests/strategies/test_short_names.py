"""Short names: a strategy with settled parameters goes by a name of its own."""

from __future__ import annotations

from typing import Literal

import pytest
from refusals import refused

import baselines  # noqa: F401 - registers the built-in strategies
from strategies.registry import (
    RegistryError,
    entries,
    names,
    names_of,
    register,
    resolve,
    short_names,
)


@pytest.fixture
def settled():
    """A strategy with two short names."""

    @register(
        "settle", source="test", short_names={"high": {"how": "max"}, "twice": {"how": "sum", "by": 2.0}}
    )
    def settle(outputs, how: Literal["max", "sum", "mean"] = "max", by: float = 1.0):
        """Sentence."""
        return {t: by * outputs.refined[t].mean((1, 2, 3)) for t in outputs.refined}

    return entries()["settle"]


@pytest.mark.parametrize(
    ("asked", "name", "full"),
    [
        ("high", "high", "settle[how=max]"),
        ("settle", "high", "settle[how=max]"),
        ("settle[how=max,by=3]", "high[by=3]", "settle[how=max,by=3]"),
        ("high[by=1,task=depth]", "high[task=depth]", "settle[how=max,task=depth]"),
        ("settle[by=2,how=sum]", "twice", "settle[how=sum,by=2]"),
        ("twice", "twice", "settle[how=sum,by=2]"),
        ("settle[how=sum]", "settle[how=sum]", "settle[how=sum]"),
        ("power[base=settle]", "power[base=high]", "noisy[base=high,how=power]"),
    ],
)
def test_results_go_by_the_short_name_however_a_strategy_is_asked_for(settled, asked, name, full):
    named = resolve(asked)
    assert (named.name, named.full_name) == (name, full)
    assert named.is_short == (name != full)
    again = resolve(full)
    assert (again.name, again.digests) == (named.name, named.digests)
    assert resolve(name).name == name


def test_short_names_are_names_like_others(settled):
    assert names_of(settled) == ["high", "twice"]
    assert {"high", "twice"} <= set(names())
    assert "settle" not in names()
    assert short_names()["high"] == settled
    assert "high" in refused("hihg")
    with pytest.raises(RegistryError, match=r"'high' is taken; names in use: .*\bhigh\b"):
        register("high", source="test")(lambda outputs: {})
    with pytest.raises(RegistryError, match="'random' is taken"):
        register("other", source="test", short_names={"random": {}})(lambda outputs: {})


def test_a_short_name_has_the_values_that_it_stands_for(settled):
    assert refused("high[how=sum]") == (
        "high stands for settle[how=max]: for another how, name settle itself."
    )
    for wrong, why in (
        ({"hwo": "max"}, "no parameter of wrong 'hwo'"),
        ({"task": "x", "how": "top"}, "hwo|how"),
    ):
        with pytest.raises(RegistryError, match=why):

            @register("wrong", source="test", short_names={"short": wrong})
            def one(outputs):
                """Sentence."""

    assert not {"wrong", "short"} & {*entries(), *short_names()}


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.name)
def test_names_of_the_built_in_strategies_resolve_to_themselves(entry):
    for name in names_of(entry):
        assert (resolve(name).name, resolve(name).entry) == (name, entry)
        assert resolve(resolve(name).full_name).name == name
