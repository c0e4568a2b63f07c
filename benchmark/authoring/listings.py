"""What there is, as text: strategies, data sets, networks, presets. Imports no torch."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, get_args

import yaml

from benchmark.authoring.experiment_fields import described_fields
from benchmark.authoring.requirements import WORDS, needs, passes
from benchmark.experiment.catalogue import NETWORKS, OWN_FAMILY, OWN_FOLDER, PRESETS, presets
from benchmark.plugins import DATASETS
from benchmark.words import aligned, aligned_rows, counted, terminal_width
from strategies.registry import Entry, Family, RegistryError, broken_plugins, entries, resolve

Facts = dict[str, Any]


def strategies() -> str:
    """By family: names, costs, one-line summaries and sources; then the plug-ins that failed to import."""
    found, lines = strategy_facts(), []
    rows = aligned_rows([(f"  {f['name']}", _cost(f), f"{f['summary']} [{f['source']}]") for f in found])
    for family, group in groupby(zip(found, rows, strict=True), lambda pair: pair[0]["family"]):
        lines += [f"{family}:", *(line for _, row in group for line in row)]
    broken = [f"plug-in {name} failed to import: {why}" for name, why in broken_plugins().items()]
    return "\n".join([*lines, *broken])


def strategy_facts() -> list[Facts]:
    """All strategies, family by family: what each needs, and the parameters that its name can carry."""
    return [_facts_of(entry) for entry in by_family()]


def by_family() -> list[Entry]:
    """All strategies, family by family, sorted by name in each."""
    return sorted(entries().values(), key=lambda entry: get_args(Family).index(entry.family))


def datasets() -> str:
    """Built-in data sets and how to name one's own."""
    own = ("PATH/dataset.yaml", OWN_FOLDER)
    return aligned([*_summaries(dataset_facts()), own])


def dataset_facts() -> list[Facts]:
    """Built-in data sets, and whose presets each uses."""
    there = DATASETS.everything().items()
    return [{"name": n, "summary": e.summary, "presets": e.family or OWN_FAMILY} for n, e in there]


def networks() -> str:
    """Networks, and what may stand below them."""
    backbones = ("backbones", "tiny (built in), or any timm model that gives feature maps")
    return aligned([*_summaries(network_facts()), backbones])


def network_facts() -> list[Facts]:
    """Networks, and the options that each takes."""
    return [{"name": n, "summary": e.summary, "options": e.options} for n, e in NETWORKS.items()]


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


LISTINGS = {
    "strategies": strategies,
    "datasets": datasets,
    "networks": networks,
    "presets": preset_list,
    "fields": fields,
}
#: The same for programs: what a line of each list says, and more.
FACTS: dict[str, Callable[[], Iterable[Any]]] = {
    "strategies": strategy_facts,
    "datasets": dataset_facts,
    "networks": network_facts,
    "presets": preset_facts,
    "fields": described_fields,
}


def listing_document(what: str) -> Facts:
    """A list as ``mtal list --json`` gives it: under its name, and beside it what could not be listed."""
    broken = {"broken_plugins": dict(broken_plugins())} if what == "strategies" else {}
    return {what: FACTS[what](), **broken}


def describe_strategy(text: str) -> str:
    """All about one strategy: summary, source, what it needs, its parameters with defaults."""
    named = resolve(text)
    entry, strategy = named.entry, named.create()
    said = "; ".join(WORDS.get(need, need) for need in needs(strategy))
    facts = [f"Source: {entry.source}", f"Family: {entry.family}", f"Needs: {said or 'nothing'}"]
    return "\n".join(
        [
            named.name,
            "",
            _paragraphs(entry.description),
            "",
            *map(_paragraphs, facts),
            "",
            "Parameters:",
            _parameters(entry),
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
        "passes": None if strategy is None else passes(strategy),
        "needs": None if strategy is None else needs(strategy),
        "parameters": [
            {"name": p.name, "default": p.default, "values": p.wanted} for p in entry.parameters.values()
        ],
    }


def _cost(facts: Facts) -> str:
    if facts["passes"] is None:
        return "cannot be made"
    extra = [need for need in facts["needs"] if need in ("module", "labels")]
    return " + ".join([counted(facts["passes"], "pass", "passes"), *extra])


def _summaries(facts: list[Facts]) -> list[tuple[str, str]]:
    return [(fact["name"], fact["summary"]) for fact in facts]


def _paragraphs(text: str) -> str:
    """Docstring text in the width of the terminal; each parameter begins a line of its own."""
    blocks = re.split(r"\n\s*\n|\n(?=[\w, ]+: )", text)
    return "\n".join(textwrap.fill(" ".join(block.split()), terminal_width()) for block in blocks)


def _parameters(entry: Entry) -> str:
    rows = [(f"  {p.name}={_shown(p.default)}", p.wanted) for p in entry.parameters.values()]
    return aligned(rows) if rows else "  none"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _preset(name: str) -> Facts:
    fields = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    sizes = {key: fields[key] for key in ("strategies", "seeds", "budgets")}
    return {"name": name, **sizes, "iterations": fields["recipe"]["iterations"]}


def _size(preset: Facts) -> str:
    strategies, seeds, budgets = (preset[key] for key in ("strategies", "seeds", "budgets"))
    return (
        f"{len(strategies)} strategies, {len(seeds)} seeds, {budgets[0]} to {budgets[-1]} in "
        f"{len(budgets)} budgets, {preset['iterations']} iterations each"
    )
