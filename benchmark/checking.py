"""``mtal check``: the contract on the strategies of a user's file."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import UserError
from strategies.registry import entries, load_file, resolve


def check_file(file: Path) -> tuple[str, bool]:
    """One line a clause for every strategy of the file, and whether all hold. Raises UserError for none."""
    before = set(entries())
    load_file(file)
    names = [name for name in entries() if name not in before]
    if not names:
        raise UserError(f'{file} registers no strategy: decorate one with @register("name", source="...").')
    reports = [_report(name) for name in names]
    return "\n".join(text for text, _ in reports), all(passed for _, passed in reports)


def _report(name: str) -> tuple[str, bool]:
    from strategies.contract import CLAUSES, Probe, broken

    lines, passed = [name], True
    for clause in CLAUSES:
        reason = broken(clause, Probe(resolve(name)))
        passed = passed and reason is None
        what = clause.__name__.replace("_", " ")
        lines.append(f"  ok      {what}" if reason is None else f"  BROKEN  {what}: {reason}")
    return "\n".join([*lines, f"{name} {'keeps' if passed else 'breaks'} the contract."]), passed
