"""Values that the shell completes: names of what there is, and files. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from strategies.parameters import Parameter

Items = list[CompletionItem]
#: Names, and what each is, which zsh and fish show beside it.
Named = Iterable[tuple[str, str]]
Completer = Callable[[click.Context, click.Parameter, str], Items]
FILES = "file"  # what the shell completes by itself


def _beginning(named: Named, incomplete: str, before: str = "") -> Items:
    """The names that begin so, each with the text that stands before it in the same word."""
    return [
        CompletionItem(before + name, help=said or None)
        for name, said in named
        if name.startswith(incomplete)
    ]


def _or_files(named: Named, incomplete: str, before: str = "") -> Items:
    """The same; where no name begins so, the files that the shell finds, unless text stands before them."""
    return _beginning(named, incomplete, before) or ([] if before else [CompletionItem(incomplete, FILES)])


def _one_of(named: Callable[[], Named], find: Callable[[Named, str], Items] = _beginning) -> Completer:
    return lambda _, __, incomplete: find(named(), incomplete)


def _datasets() -> Named:
    from benchmark.plugins import DATASETS

    return [(name, entry.summary) for name, entry in DATASETS.everything().items()]


def _networks() -> Named:
    from benchmark.plugins import NETWORKS

    return [(name, entry.summary) for name, entry in NETWORKS.entries.items()]


def _sources() -> Named:
    from benchmark.data.fetching.sources import SOURCES

    return [(name, source.title) for name, source in SOURCES.items()]


def _engines() -> Named:
    from benchmark.execution.engine import ENGINES

    return [(name, "") for name in ENGINES]


def _devices() -> Named:
    """The CPU, and the GPUs that the driver has files of: asking torch for them takes seconds."""
    numbers = [file.name.removeprefix("nvidia") for file in Path("/dev").glob("nvidia*")]
    gpus = [f"cuda:{number}" for number in sorted(filter(str.isdecimal, numbers), key=int)]
    return [(name, "") for name in ("auto", "cpu", *(["cuda"] if gpus else []), *gpus)]


datasets = _one_of(_datasets, _or_files)
networks = _one_of(_networks, _or_files)
sources = _one_of(_sources)
engines = _one_of(_engines)
devices = _one_of(_devices)


def presets(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Sizes that there are for the data set that was named before, or else for rooms."""
    from benchmark.experiment import catalogue
    from benchmark.plugins import DATASETS

    del parameter
    name = context.params.get("dataset") or "rooms"
    entry = DATASETS.entries.get(name)  # no file is executed to complete
    sizes = catalogue.sizes_of(name, (entry and entry.family) or catalogue.OWN_FAMILY)
    return _beginning([(size, "") for size in sizes], incomplete)


def trackers(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The last one of a list with commas."""
    from benchmark.tracking.tracker import TRACKERS

    del context, parameter
    before, comma, last = incomplete.rpartition(",")
    return _beginning([(name, "") for name in TRACKERS], last, before + comma)


def strategy(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """One strategy, and within its brackets a parameter or its value; or a file that registers some."""
    del context, parameter
    return _strategy(incomplete, "")


def strategies(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The last one of a list with commas, which stand within brackets too."""
    del context, parameter
    last = max(_beginnings(incomplete))
    return _strategy(incomplete[last:], incomplete[:last])


def _beginnings(text: str) -> Iterator[int]:
    """Where the names of a list begin."""
    yield 0
    for position, character in enumerate(text):
        before = text[:position]
        if character == "," and before.count("[") == before.count("]"):
            yield position + 1


def _strategy(incomplete: str, before: str) -> Items:
    import baselines  # noqa: F401 - registers the built-in ones: no command has begun that did it
    from strategies.registry import discover, entries, short_names

    discover()
    name, bracket, inside = incomplete.partition("[")
    if not bracket:
        return _or_files(_strategies(), incomplete, before)
    entry = entries().get(name) or short_names().get(name)
    fixed = entry.short_names.get(name, {}) if entry else {}
    parameters = {k: p for k, p in entry.parameters.items() if k not in fixed} if entry else {}
    earlier, comma, last = inside.rpartition(",")
    key, equals, value = last.partition("=")
    before = f"{before}{name}[{earlier}{comma}"
    if equals:
        others, plus, last = value.rpartition("+")
        return _beginning(_values(parameters.get(key)), last, f"{before}{key}={others}{plus}")
    return _beginning([(f"{p.name}=", p.wanted) for p in parameters.values()], key, before)


def _strategies() -> Named:
    from strategies.registry import entries, short_names

    return sorted((name, entry.summary) for name, entry in {**entries(), **short_names()}.items())


def _values(parameter: Parameter | None) -> Named:
    """Values of a parameter that are names; none of a number."""
    from strategies.parameters import StrategyName, StrategyNames

    if parameter is None:
        return []
    if parameter.annotation in (StrategyName, StrategyNames):
        return _strategies()
    words = ("true", "false") if parameter.annotation is bool else parameter.choices
    return [(str(word), "") for word in words]
