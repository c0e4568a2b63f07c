"""``mtal check``: the contracts on all that a user's file registers."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.plugins import BACKBONES, DATASETS, NETWORKS, TASKS
from strategies.clauses import broken, words
from strategies.registration import Registry, load_file
from strategies.registry import STRATEGIES, names_of, resolve

#: In the order in which they are told.
KINDS: tuple[Registry[Any], ...] = (STRATEGIES, NETWORKS, BACKBONES, TASKS, DATASETS)


def check_file(file: Path, name: str | None = None) -> tuple[str, bool]:
    """One line a clause for all that a file registers, or for one name, and whether all hold.

    Raises UserError if there is nothing to check.
    """
    before = {kind.what: set(kind.entries) for kind in KINDS}
    load_file(file, "plug-in")
    found = list(_registered(file, before))
    if not found:
        raise UserError(
            f'{file} registers nothing: decorate a strategy with @register("name", source="..."), or see '
            "benchmark.plugins for networks, backbones, tasks and data sets."
        )
    asked = [(kind, one) for kind, one in found if name in (None, one)]
    if not asked:
        raise UserError(f"{file} registers no {name!r}; it registers {', '.join(one for _, one in found)}.")
    reports = [_report(kind, one) for kind, one in asked]
    return "\n".join(text for text, _ in reports), all(passed for _, passed in reports)


def _registered(file: Path, before: dict[str, set[str]]) -> Iterator[tuple[Registry[Any], str]]:
    """All that it registers, or makes another module register that was not there before."""
    for kind in KINDS:
        here = kind.of_file(file)
        found = {one: e for one, e in kind.entries.items() if one in here or one not in before[kind.what]}
        for one, entry in found.items():
            yield from ((kind, name) for name in (names_of(entry) if kind is STRATEGIES else [one]))


def _report(kind: Registry[Any], name: str) -> tuple[str, bool]:
    contract = importlib.import_module(kind.contract)
    named = resolve(name) if kind is STRATEGIES else None
    entry = named.entry if named else kind.entries[name]
    probe = contract.Probe(named or entry)
    reasons = {words(clause): broken(clause, probe, entry.files) for clause in contract.CLAUSES}
    causes: dict[str, list[str]] = {}
    for what, reason in reasons.items():
        if reason is not None:
            causes.setdefault(_cause(reason), []).append(what)
    lines = [f"  ok      {what}" for what, reason in reasons.items() if reason is None]
    for first, *others in causes.values():
        lines.append(f"  BROKEN  {first}: {reasons[first]}")
        lines += [f"          and so, for the same reason: {', '.join(others)}"] if others else []
    return "\n".join([name, *lines, f"{name} {'breaks' if causes else 'keeps'} the contract."]), not causes


def _cause(reason: str) -> str:
    """What reasons that differ in numbers alone have in common: sizes are those of each clause's images."""
    return re.sub(r"\d+", "0", reason)
