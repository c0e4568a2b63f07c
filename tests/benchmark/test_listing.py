"""What there is, as text."""

import pytest

import baselines  # noqa: F401
from benchmark.catalogue import DATASETS, NETWORKS, presets
from benchmark.listing import LISTINGS, describe_strategy
from strategies.registry import entries


def test_strategies_are_listed_with_summary_and_source():
    lines = LISTINGS["strategies"]().splitlines()
    for name, entry in entries().items():
        (line,) = [line for line in lines if line.split()[0] == name]
        assert entry.summary in line
        assert line.endswith(f"[{entry.source}]")
        assert entry.summary.endswith("."), f"{name}: the first line of its docstring is a sentence"
        assert entry.source


@pytest.mark.parametrize(
    ("what", "names"),
    [("datasets", [*DATASETS, "PATH/dataset.yaml"]), ("networks", NETWORKS), ("presets", presets())],
)
def test_everything_else_is_listed_too(what, names):
    text = LISTINGS[what]()
    assert all(any(line.split()[0] == name for line in text.splitlines()) for name in names)


@pytest.mark.parametrize("name", sorted(entries()))
def test_a_strategy_is_described_with_all_its_parameters(name):
    text = describe_strategy(name)
    assert text.splitlines()[0] == name
    assert entries()[name].source in text
    rows = text.partition("Parameters:\n")[2].splitlines()
    if not entries()[name].parameters:
        assert rows == ["  none"]
    for parameter, row in zip(entries()[name].parameters.values(), rows, strict=False):
        shown = str(parameter.default).lower() if isinstance(parameter.default, bool) else parameter.default
        assert row.startswith(f"  {parameter.name}={shown} ")
        assert row.endswith(parameter.wanted)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("random", "nothing"),
        ("core-set", "one pass over the pool"),
        ("entropy", "one pass over the pool; views: flip"),
        ("learning-loss", "one pass over the pool; a module trained beside the network"),
    ],
)
def test_what_a_strategy_needs_is_said(name, needs):
    assert f"Needs: {needs}\n" in describe_strategy(name)


def test_parameters_that_are_set_are_in_the_name():
    assert describe_strategy("consistency-diversity[power=0,gain=0.5]").startswith(
        "consistency-diversity[power=0]\n"
    )
