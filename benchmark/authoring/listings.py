"""What there is, as text: strategies, data sets, networks, presets. Imports no torch."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby
from typing import get_args

import yaml

from benchmark.authoring.experiment_fields import described_fields
from benchmark.authoring.requirements import WORDS, needs, passes
from benchmark.experiment.catalogue import DATASETS, FOLDER, NETWORKS, PRESETS, presets
from benchmark.words import aligned, aligned_rows, terminal_width
from strategies.registry import Entry, Family, RegistryError, broken_plugins, entries, resolve


def strategies() -> str:
    """By family: names, costs, one-line summaries and sources; then the plug-ins that failed to import."""
    found, lines = by_family(), []
    rows = aligned_rows([(f"  {e.name}", _cost(e), f"{e.summary} [{e.source}]") for e in found])
    for family, group in groupby(zip(found, rows, strict=True), lambda pair: pair[0].family):
        lines += [f"{family}:", *(line for _, row in group for line in row)]
    broken = [f"plug-in {name} failed to import: {why}" for name, why in broken_plugins().items()]
    return "\n".join([*lines, *broken])


def by_family() -> list[Entry]:
    """All strategies, family by family, sorted by name in each."""
    return sorted(entries().values(), key=lambda entry: get_args(Family).index(entry.family))


def datasets() -> str:
    """Built-in data sets and how to name one's own."""
    own = ("PATH/dataset.yaml", FOLDER.summary)
    return aligned([*((name, entry.summary) for name, entry in DATASETS.items()), own])


def networks() -> str:
    """Networks, and what may stand below them."""
    backbones = ("backbones", "tiny (built in), or any timm model that gives feature maps")
    return aligned([*((name, entry.summary) for name, entry in NETWORKS.items()), backbones])


def preset_list() -> str:
    """Presets with the size of the study."""
    return aligned([(name, _size(name)) for name in presets()])


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


def _cost(entry: Entry) -> str:
    try:
        strategy = resolve(entry.name).create()
    except RegistryError:  # a plug-in's constructor may fail; `mtal show` says why
        return "cannot be made"
    count, extra = passes(strategy), [need for need in needs(strategy) if need in ("module", "labels")]
    return " + ".join(["1 pass" if count == 1 else f"{count} passes", *extra])


def _paragraphs(text: str) -> str:
    """Docstring text in the width of the terminal; each parameter begins a line of its own."""
    blocks = re.split(r"\n\s*\n|\n(?=[\w, ]+: )", text)
    return "\n".join(textwrap.fill(" ".join(block.split()), terminal_width()) for block in blocks)


def _parameters(entry: Entry) -> str:
    rows = [(f"  {p.name}={_shown(p.default)}", p.wanted) for p in entry.parameters.values()]
    return aligned(rows) if rows else "  none"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _size(preset: str) -> str:
    fields = yaml.safe_load((PRESETS / f"{preset}.yaml").read_text(encoding="utf-8"))
    budgets, seeds = fields["budgets"], fields["seeds"]
    return (
        f"{len(fields['strategies'])} strategies, {len(seeds)} seeds, {budgets[0]} to {budgets[-1]} in "
        f"{len(budgets)} budgets, {fields['recipe']['iterations']} iterations each"
    )
