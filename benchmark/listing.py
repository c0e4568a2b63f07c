"""What there is, as text: strategies, data sets, networks, presets. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from benchmark.catalogue import DATASETS, FOLDER, NETWORKS, PRESETS, presets
from strategies.interface import Strategy
from strategies.registry import Entry, broken_plugins, entries, resolve


def strategies() -> str:
    """Names, one-line summaries and sources; plug-ins that failed to import are named below."""
    table = _table((name, f"{entry.summary} [{entry.source}]") for name, entry in entries().items())
    broken = [f"plug-in {name} failed to import: {why}" for name, why in broken_plugins().items()]
    return "\n".join([table, *broken])


def datasets() -> str:
    """Built-in data sets and how to name one's own."""
    own = ("PATH/dataset.yaml", FOLDER.summary)
    return _table([*((name, entry.summary) for name, entry in DATASETS.items()), own])


def networks() -> str:
    """Networks, and what may stand below them."""
    backbones = ("backbones", "tiny (built in), or any timm model that gives feature maps")
    return _table([*((name, entry.summary) for name, entry in NETWORKS.items()), backbones])


def preset_list() -> str:
    """Presets with the size of the study."""
    return _table((name, _size(name)) for name in presets())


LISTINGS = {"strategies": strategies, "datasets": datasets, "networks": networks, "presets": preset_list}


def describe_strategy(text: str) -> str:
    """All about one strategy: summary, source, what it needs, its parameters with defaults."""
    named = resolve(text)
    entry, strategy = named.entry, named.create()
    lines = [named.name, "", entry.description, "", f"Source: {entry.source}", f"Needs: {_needs(strategy)}"]
    return "\n".join([*lines, "", "Parameters:", _parameters(entry)])


def _needs(strategy: Strategy) -> str:
    kind = type(strategy)
    needs = {
        "one pass over the pool": kind.measure is not Strategy.measure,
        f"views: {', '.join(strategy.views)}": bool(strategy.views),
        "a module trained beside the network": kind.companion is not Strategy.companion,
        "labels of the pool: a reference, never ranked": strategy.reference,
    }
    return "; ".join(need for need, holds in needs.items() if holds) or "nothing"


def _parameters(entry: Entry) -> str:
    rows = ((f"  {p.name}={_shown(p.default)}", p.wanted) for p in entry.parameters.values())
    return _table(rows) or "  none"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _size(preset: str) -> str:
    fields = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text(encoding="utf-8"))
    budgets, seeds = fields["budgets"], fields["seeds"]
    return (
        f"{len(fields['strategies'])} strategies, {len(seeds)} seeds, {budgets[0]} to {budgets[-1]} in "
        f"{len(budgets)} budgets, {fields['recipe']['iterations']} iterations each"
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in listed)
