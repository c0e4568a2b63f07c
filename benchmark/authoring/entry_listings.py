"""What there is of a kind that can be brought along, such as networks, as text and for programs."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

from benchmark.authoring.experiment_fields import described_fields
from benchmark.plugins import Entry, PluginRegistry
from benchmark.words import aligned, terminal_width
from strategies.parameters import Parameter

Facts = dict[str, Any]


def entry_facts(registry: PluginRegistry) -> list[Facts]:
    """All of a kind: name, what it is, its source, and whether it is built in; built-in ones first."""
    found = sorted(registry.everything().values(), key=lambda entry: not entry.built_in)
    return [{"name": e.name, "summary": e.summary, "source": e.source, "built_in": e.built_in} for e in found]


def listing(registry: PluginRegistry, *more: tuple[str, str]) -> str:
    """A line for each of a kind and for ``more``, then the plug-ins that failed to import."""
    lines = aligned([*((f["name"], f"{f['summary']} [{f['source']}]") for f in entry_facts(registry)), *more])
    return "\n".join([lines, *broken_lines(registry.broken)])


def broken_lines(broken: dict[str, str]) -> list[str]:
    """A line for each plug-in that failed to import."""
    return [f"plug-in {name} failed to import: {why}" for name, why in broken.items()]


def described(entry: Entry) -> str:
    """All about one: what it is, its source, its options with defaults."""
    fields = [f"  {entry.what}.{name}" for name in entry.fields]
    options = "Options (fields of an experiment):" if fields else "Options:"
    facts = [paragraphs(entry.description), "", paragraphs(f"Source: {entry.source}"), f"Kind: {entry.what}"]
    rows = "\n".join(fields) if fields else _option_rows(entry)
    return "\n".join([entry.name, "", *facts, "", options, rows])


def _option_rows(entry: Entry) -> str:
    """A line for each option: those of a model say what they mean, too."""
    if not entry.options_model:
        return parameter_rows(entry.parameters.values())
    found = described_fields(entry.options_model)
    rows = [(f"  {f.path}={f.default}", f"{f.values}: {f.meaning}".removesuffix(": ")) for f in found]
    return aligned(rows) if rows else "  none"


def parameter_rows(parameters: Iterable[Parameter]) -> str:
    """A line for each parameter: its default, and what it may be."""
    rows = [(f"  {p.name}={_shown(p.default)}", p.wanted) for p in parameters]
    return aligned(rows) if rows else "  none"


def paragraphs(text: str) -> str:
    """Docstring text in the width of the terminal; each parameter begins a line of its own."""
    blocks = re.split(r"\n\s*\n|\n(?=[\w, ]+: )", text)
    return "\n".join(textwrap.fill(" ".join(block.split()), terminal_width()) for block in blocks)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
