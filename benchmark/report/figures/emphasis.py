"""Whose spread a figure of curves shows: bands of all of a dozen strategies are a grey wash."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report.family import LEVEL
from benchmark.report.reference import RANDOM
from benchmark.report.shown import differing, is_tested
from benchmark.report.subject import Subject

#: Up to so many strategies, each shows its spread.
FEW = 5
#: Of more than that in one panel, those without spread are a grey field.
MOST = 9


@dataclass(frozen=True)
class Emphasis:
    """The strategies whose spread is shown, whether the others are grey, and the rule in words."""

    spread: frozenset[str]
    field: bool
    words: str = ""


def emphasis(subject: Subject) -> Emphasis:
    """Of few strategies all; of more, random and those that differ from it beyond doubt."""
    names = subject.order
    if len(names) <= FEW:
        return Emphasis(frozenset(names), False)
    spread = {one.strategy for one in differing(subject.evidence)} | ({RANDOM} & set(names))
    return Emphasis(frozenset(spread), len(names) > MOST, _words(subject, len(spread) - 1))


def _words(subject: Subject, differ: int) -> str:
    if RANDOM not in subject.order:
        return "means alone: there is no random to differ from"
    if not is_tested(subject.evidence):
        return f"spread of {RANDOM} alone: so few seeds bear no test"
    if not differ:
        return f"spread of {RANDOM} alone: nothing differs from it (corrected p < {LEVEL:g})"
    return f"spread of {RANDOM} and of what differs from it (corrected p < {LEVEL:g})"
