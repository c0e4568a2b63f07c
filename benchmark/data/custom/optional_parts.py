"""What a data set of one's own may add to what it needs, and why that is not what the benchmark can take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from benchmark.data.dataset import Coding
from benchmark.data.problems import Finding
from benchmark.data.roots import Root


def fault_of_parts(made: Any) -> str | None:
    """Why one of them cannot be taken, the rest of a sentence; None if all can."""
    held = {name: getattr(made, name) for name in _FAULTS if hasattr(made, name)}
    return next(filter(None, (_FAULTS[name](value) for name, value in held.items())), None) or (
        _fault_of_columns(held.get("columns", {}), made.train.ids)
    )


def _fault_of_facts(facts: Any) -> str | None:
    if not isinstance(facts, Mapping):
        return f"must have facts, a mapping from texts to what JSON can hold, not {facts!r:.60}"
    for name, fact in facts.items():
        if not isinstance(name, str):
            return f"must have facts by name, a text, not {name!r:.60}"
        if not _json_holds(fact):
            return (
                f"has the fact {name!r}, {fact!r:.60}, which JSON cannot hold: facts are texts, None, finite "
                "numbers of Python's own types, and lists and mappings of these"
            )
    return None


def _json_holds(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _fault_of_codings(codings: Any) -> str | None:
    if isinstance(codings, Mapping) and all(isinstance(one, Coding) for one in codings.values()):
        return None
    return f"must have codings, a mapping from tasks to benchmark.data.dataset.Coding, not {codings!r:.60}"


def _fault_of_findings(findings: Any) -> str | None:
    if isinstance(findings, tuple | list) and all(isinstance(one, Finding) for one in findings):
        return None
    return f"must have findings, a list of benchmark.data.problems.Finding, not {findings!r:.60}"


def _fault_of_groups(groups: Any) -> str | None:
    named = isinstance(groups, Mapping) and all(isinstance(one, str | int) for one in groups.values())
    if groups is None or named:
        return None
    return f"must have groups, a mapping from ids to texts, or None, not {groups!r:.60}"


def _fault_of_table(columns: Any) -> str | None:
    if isinstance(columns, Mapping) and all(isinstance(one, Mapping) for one in columns.values()):
        return None
    return f"must have columns, a mapping from names to mappings from ids to numbers, not {columns!r:.60}"


def _fault_of_columns(columns: Mapping[str, Mapping[str, Any]], ids: tuple[str, ...]) -> str | None:
    for name, column in columns.items():
        wrong = next((image for image in ids if not isinstance(column.get(image), Real)), None)
        if wrong is not None:
            return f"has no number of {wrong!r} in the column {name!r}; give one of every image of train"
    return None


def _fault_of_origin(origin: Any) -> str | None:
    if origin is None or isinstance(origin, Root):
        return None
    return f"must have an origin of None or benchmark.data.roots.Root(folder, said_by), not {origin!r:.60}"


_FAULTS: Mapping[str, Callable[[Any], str | None]] = {
    "facts": _fault_of_facts,
    "codings": _fault_of_codings,
    "findings": _fault_of_findings,
    "groups": _fault_of_groups,
    "columns": _fault_of_table,
    "origin": _fault_of_origin,
}
