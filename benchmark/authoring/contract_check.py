"""``mtal check``: the contract on the strategies of a user's file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from strategies.registry import entries, load_file, names_of, resolve

if TYPE_CHECKING:
    from strategies.contract import Probe


def check_file(file: Path) -> tuple[str, bool]:
    """One line a clause for every strategy of the file, and whether all hold. Raises UserError for none."""
    before = set(entries())
    load_file(file)
    here = file.expanduser().resolve()
    found = [entry for name, entry in entries().items() if name not in before or here in entry.files]
    names = [name for entry in found for name in names_of(entry)]
    if not names:
        raise UserError(f'{file} registers no strategy: decorate one with @register("name", source="...").')
    reports = [_report(name) for name in names]
    return "\n".join(text for text, _ in reports), all(passed for _, passed in reports)


def _report(name: str) -> tuple[str, bool]:
    from strategies.contract import CLAUSES, Probe, broken

    reasons = {_words(clause): broken(clause, Probe(resolve(name))) for clause in CLAUSES}
    causes: dict[str, list[str]] = {}
    for what, reason in reasons.items():
        if reason is not None:
            causes.setdefault(_cause(reason), []).append(what)
    lines = [f"  ok      {what}" for what, reason in reasons.items() if reason is None]
    for first, *others in causes.values():
        lines.append(f"  BROKEN  {first}: {reasons[first]}")
        lines += [f"          and so, for the same reason: {', '.join(others)}"] if others else []
    return "\n".join([name, *lines, f"{name} {'breaks' if causes else 'keeps'} the contract."]), not causes


def _words(clause: Callable[[Probe], None]) -> str:
    return clause.__name__.replace("_", " ")


def _cause(reason: str) -> str:
    """What reasons that differ in numbers alone have in common: sizes are those of each clause's images."""
    return re.sub(r"\d+", "0", reason)
