"""What there is, as text."""

import re

import pytest

import baselines  # noqa: F401
from benchmark.authoring.listings import LISTINGS, by_family, describe_strategy
from benchmark.authoring.strategy_needs import needs
from benchmark.experiment.catalogue import presets
from benchmark.plugins import DATASETS, NETWORKS
from strategies import Strategy, register
from strategies.registry import RegistryError, entries, names, resolve


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """A terminal that is as wide as lines ever are; tests run in terminals of any width."""
    monkeypatch.setenv("COLUMNS", "200")


def listed(text):
    """The lines of a listing, what was wrapped put together again."""
    return re.sub(r"\n {4,}", " ", text).splitlines()


def test_strategies_are_listed_with_summary_and_source():
    lines = listed(LISTINGS["strategies"]())
    for name, entry in entries().items():
        (line,) = [line for line in lines if line.split()[0] == name]
        assert entry.summary in line
        assert all(short in line for short in entry.short_names)
        assert line.endswith(f"[{entry.source}]")
        assert entry.summary.endswith("."), f"{name}: the first line of its docstring is a sentence"
        assert entry.source


def test_strategies_stand_under_their_family_with_their_cost():
    lines = listed(LISTINGS["strategies"]())
    family, placed = "", {}
    for line in lines:
        if not line.startswith(" "):
            family = line.removesuffix(":")
        else:
            placed[line.split()[0]] = (family, line[2:].split("  ", 1)[1].strip().split("  ")[0])
    assert {name: family for name, (family, _) in placed.items()} == {
        name: entry.family for name, entry in entries().items()
    }
    costs = {name: cost for name, (_, cost) in placed.items()}
    assert costs["random"] == "0 passes"
    assert costs["core-set"] == "1 pass"
    assert costs["entropy"] == "2 passes"
    assert costs["learning-loss"] == "1 pass + module"
    assert costs["true-loss"] == "1 pass + labels"


def test_families_stand_together_names_sorted_in_each():
    found = [(entry.family, entry.name) for entry in by_family()]
    families = list(dict.fromkeys(family for family, _ in found))
    assert families[0] == "random"
    assert families[-1] == "other"
    assert found == sorted(found, key=lambda pair: (families.index(pair[0]), pair[1]))


class Fails(Strategy):
    """Cannot be made."""

    def __init__(self):
        raise OSError("no licence")


def test_a_strategy_that_cannot_be_made_is_listed_and_described_by_its_error():
    register("fails", source="test")(Fails)
    (line,) = [line for line in LISTINGS["strategies"]().splitlines() if line.startswith("  fails ")]
    assert "cannot be made" in line
    with pytest.raises(RegistryError, match="no licence"):
        describe_strategy("fails")


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("datasets", [*sorted(DATASETS.entries), "PATH/dataset.yaml"]),
        ("networks", NETWORKS.entries),
        ("presets", presets()),
    ],
)
def test_everything_else_is_listed_too(what, names):
    text = LISTINGS[what]()
    assert all(any(line.split()[0] == name for line in text.splitlines()) for name in names)


@pytest.mark.parametrize("name", names())
def test_a_strategy_is_described_with_all_its_parameters(name):
    text, entry = describe_strategy(name), resolve(name).entry
    assert text.splitlines()[0].partition(":")[0] == name
    assert entry.source in " ".join(text.split())
    said = text.partition("Parameters:\n")[2].split()
    words = []
    for parameter in entry.parameters.values():
        shown = str(parameter.default).lower() if isinstance(parameter.default, bool) else parameter.default
        words += [f"{parameter.name}={shown}", *parameter.wanted.split()]
    assert said == (words or ["none"])


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("random", "nothing"),
        ("core-set", "one pass over the pool"),
        ("entropy", "one pass over the pool; views: flip"),
        ("mc-dropout[passes=2]", "one pass over the pool; views: dropout-1, dropout-2"),
        ("learning-loss", "one pass over the pool; a module trained beside the network"),
        ("mc-dropout[passes=3]", "one pass over the pool; views: dropout-1 to dropout-3"),
        ("true-loss", "one pass over the pool; labels of the pool: a reference, never ranked"),
        ("replay", "a value for from"),
        ("random-pairs", "labels one by one, where others buy whole images"),
        ("maximum[base=margin]", "one pass over the pool"),
        ("maximum", "one pass over the pool; views: flip"),
        ("power[base=learning-loss]", "one pass over the pool; a module trained beside the network"),
    ],
)
def test_what_a_strategy_needs_is_said(name, needs):
    assert f"Needs: {needs}\n" in describe_strategy(name)


def test_what_a_short_name_stands_for_is_said():
    for asked in ("pareto[base=margin]", "aggregate[base=margin,how=pareto]"):
        text = describe_strategy(asked)
        assert text.startswith("pareto[base=margin]: short for aggregate[base=margin,how=pareto]\n")
        assert "reciprocal-rank-fusion (how=rrf)" in " ".join(text.split())
    assert describe_strategy("aggregate[how=rank]").startswith("aggregate[how=rank]\n")


def test_the_family_is_said():
    assert "\nFamily: diversity\n" in describe_strategy("core-set")


def test_parameters_that_are_set_are_in_the_name():
    assert describe_strategy("consistency-diversity[power=0,gain=0.5]").startswith(
        "consistency-diversity[power=0]\n"
    )


@pytest.mark.parametrize("what", LISTINGS)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lists_keep_to_the_width_of_the_terminal(monkeypatch, what, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, LISTINGS[what]().splitlines())) <= columns
    assert max(map(len, describe_strategy("consistency-diversity").splitlines())) <= columns


@pytest.mark.parametrize(
    ("views", "said"),
    [
        (("flip", "dropout-1", "dropout-2"), "flip, dropout-1, dropout-2"),
        (("flip", "dropout-1", "dropout-2", "dropout-3"), "flip, dropout-1 to dropout-3"),
        (("dropout-1", "dropout-3", "dropout-5"), "dropout-1, dropout-3, dropout-5"),
        (("dropout-9", "dropout-10", "dropout-11", "flip"), "dropout-9 to dropout-11, flip"),
    ],
)
def test_views_are_told_in_short_only_where_they_follow_each_other(views, said):
    strategy = Strategy()
    strategy.views = views
    assert f"views: {said}" in needs(strategy)
