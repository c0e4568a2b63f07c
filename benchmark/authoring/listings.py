"""What there is, as text: strategies, data sets, networks, presets. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from typing import Any, get_args

import yaml

from benchmark.authoring.entry_listings import (
    broken_lines,
    described,
    entry_facts,
    listing,
    paragraphs,
    parameter_rows,
)
from benchmark.authoring.experiment_fields import described_fields
from benchmark.authoring.strategy_needs import WORDS, needs, passes
from benchmark.experiment.catalogue import OWN_FAMILY, OWN_FOLDER, PRESETS, presets
from benchmark.plugins import BACKBONES, DATASETS, NETWORKS, TASKS, PluginRegistry
from benchmark.words import aligned, aligned_rows, counted
from strategies.registration import Registry, file_and_name, load_file, registries, unknown
from strategies.registry import (
    STRATEGIES,
    Entry,
    Family,
    RegistryError,
    broken_plugins,
    entries,
    resolve,
)

Facts = dict[str, Any]


def strategies() -> str:
    """By family: names, costs, one-line summaries and sources; then the plug-ins that failed to import."""
    found, lines = strategy_facts(), []
    rows = aligned_rows([(f"  {f['name']}", _cost(f), _summary(f)) for f in found])
    for family, group in groupby(zip(found, rows, strict=True), lambda pair: pair[0]["family"]):
        lines += [f"{family}:", *(line for _, row in group for line in row)]
    return "\n".join([*lines, *broken_lines(dict(broken_plugins()))])


def strategy_facts() -> list[Facts]:
    """All strategies, family by family: what each needs, and the parameters that its name can carry."""
    return [_facts_of(entry) for entry in by_family()]


def by_family() -> list[Entry]:
    """All strategies, family by family, sorted by name in each."""
    return sorted(entries().values(), key=lambda entry: get_args(Family).index(entry.family))


def datasets() -> str:
    """Built-in data sets and how to name one's own."""
    own = ("PATH/dataset.yaml", OWN_FOLDER)
    return listing(DATASETS, own)


def dataset_facts() -> list[Facts]:
    """Data sets, and whose presets each uses."""
    own = {name: entry.family or OWN_FAMILY for name, entry in DATASETS.everything().items()}
    return [fact | {"presets": own[fact["name"]]} for fact in entry_facts(DATASETS)]


def network_facts() -> list[Facts]:
    """Networks, and the fields of an experiment that set the options of each."""
    return [fact | {"options": NETWORKS.entries[fact["name"]].fields} for fact in entry_facts(NETWORKS)]


def backbones() -> str:
    """Backbones, built in and plug-ins, and where there are more."""
    return listing(
        BACKBONES, ("NAME", "any model of timm that gives feature maps, such as resnet50 or hrnet_w18")
    )


def preset_list() -> str:
    """Presets with the size of the study."""
    return aligned([(fact["name"], _size(fact)) for fact in preset_facts()])


def preset_facts() -> list[Facts]:
    """Presets with what makes the size of a study."""
    return [_preset(name) for name in presets()]


def fields() -> str:
    """Fields of an experiment: path, values and default, meaning."""
    return aligned(
        [(f.path, f"{f.meaning} [{f.values}; default: {f.default}]".strip()) for f in described_fields()]
    )


LISTINGS: dict[str, Callable[[], str]] = {
    "strategies": strategies,
    "datasets": datasets,
    "tasks": partial(listing, TASKS),
    "networks": partial(listing, NETWORKS),
    "backbones": backbones,
    "presets": preset_list,
    "fields": fields,
}
REGISTRIES: dict[str, Registry[Any]] = {
    "strategies": STRATEGIES,
    "datasets": DATASETS,
    "tasks": TASKS,
    "networks": NETWORKS,
    "backbones": BACKBONES,
}
#: The same for programs: what a line of each list says, and more.
FACTS: dict[str, Callable[[], Iterable[Any]]] = {
    "strategies": strategy_facts,
    "datasets": dataset_facts,
    "tasks": partial(entry_facts, TASKS),
    "networks": network_facts,
    "backbones": partial(entry_facts, BACKBONES),  # without those of timm
    "presets": preset_facts,
    "fields": described_fields,
}


def listing_document(what: str) -> Facts:
    """A list as ``mtal list --json`` gives it: under its name, and beside it what could not be listed."""
    found = {what: FACTS[what]()}  # first: it imports what installed packages offer
    return found | ({"broken_plugins": dict(REGISTRIES[what].broken)} if what in REGISTRIES else {})


def describe(text: str, kind: str | None = None) -> str:
    """All about what a name or ``FILE.py:NAME`` stands for, of whatever kind.

    Raises RegistryError for a name of nothing, and for one of several kinds if no ``kind`` is told.
    """
    kinds = {registry.what: registry for registry in registries()}
    if kind is not None and kind not in kinds:
        raise RegistryError(unknown("--kind", kind, list(kinds)))
    file, name = file_and_name(text)
    if file is not None:
        load_file(file, kind or "plug-in")
    found = [each for what, each in kinds.items() if kind in (None, what) and _knows(each, name)]
    if len(found) > 1:
        raise RegistryError(f"{name!r} is a {' and a '.join(r.what for r in found)}: say by --kind which.")
    (registry,) = found or [kinds[kind or STRATEGIES.what]]
    return (
        described(registry.resolve(name)) if isinstance(registry, PluginRegistry) else describe_strategy(name)
    )


def _knows(registry: Registry[Any], name: str) -> bool:
    if isinstance(registry, PluginRegistry):
        return name in registry.everything()
    return name.partition("[")[0] in registry.entries


def describe_strategy(text: str) -> str:
    """All about one strategy: summary, source, what it needs, its parameters with defaults."""
    named = resolve(text)
    entry, strategy = named.entry, named.create()
    said = "; ".join(WORDS.get(need, need) for need in needs(strategy))
    facts = [f"Source: {entry.source}", f"Family: {entry.family}", f"Needs: {said or 'nothing'}"]
    if entry.short_names:
        facts.append(f"Short names: {_short_names(entry)}; results go by them")
    return "\n".join(
        [
            f"{named.name}: short for {named.full_name}" if named.is_short else named.name,
            "",
            paragraphs(entry.description),
            "",
            *map(paragraphs, facts),
            "",
            "Parameters:",
            parameter_rows(entry.parameters.values()),
        ]
    )


def _facts_of(entry: Entry) -> Facts:
    try:
        strategy = resolve(entry.name).create()
    except RegistryError:  # a plug-in's constructor may fail; `mtal show` says why
        strategy = None
    return {
        "name": entry.name,
        "family": entry.family,
        "summary": entry.summary,
        "source": entry.source,
        "short_names": {short: dict(values) for short, values in entry.short_names.items()},
        "passes": None if strategy is None else passes(strategy),
        "needs": None if strategy is None else needs(strategy),
        "parameters": [
            {"name": p.name, "default": p.default, "values": p.wanted} for p in entry.parameters.values()
        ],
    }


def _summary(facts: Facts) -> str:
    short = f" Short: {', '.join(facts['short_names'])}." if facts["short_names"] else ""
    return f"{facts['summary']}{short} [{facts['source']}]"


def _short_names(entry: Entry) -> str:
    said = {short: ", ".join(f"{k}={v}" for k, v in of.items()) for short, of in entry.short_names.items()}
    return ", ".join(f"{short} ({values})" for short, values in said.items())


def _cost(facts: Facts) -> str:
    if facts["passes"] is None:
        return "cannot be made"
    extra = [need for need in facts["needs"] if need in ("module", "labels")]
    return " + ".join([counted(facts["passes"], "pass", "passes"), *extra])


def _preset(name: str) -> Facts:
    fields = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    sizes = {key: fields[key] for key in ("strategies", "seeds", "budgets")}
    length = {key: fields["recipe"].get(key) for key in ("iterations", "epochs")}
    return {"name": name, **sizes, **{key: value for key, value in length.items() if value is not None}}


def _length(preset: Facts) -> str:
    return f"{preset['iterations']} iterations" if "iterations" in preset else f"{preset['epochs']:g} epochs"


def _size(preset: Facts) -> str:
    strategies, seeds, budgets = (preset[key] for key in ("strategies", "seeds", "budgets"))
    return (
        f"{len(strategies)} strategies, {len(seeds)} seeds, {budgets[0]} to {budgets[-1]} in "
        f"{len(budgets)} budgets, {_length(preset)} each"
    )
