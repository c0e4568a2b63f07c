"""Whose spread a figure of curves shows: bands of all of a dozen strategies are a grey wash."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.holm_family import LEVEL

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


def emphasis(subject: DatasetResults) -> Emphasis:
    """Of few strategies all; of more, random and those that differ from it beyond doubt."""
    names = subject.order
    if len(names) <= FEW:
        return Emphasis(frozenset(names), False)
    spread = {one.strategy for one in subject.evidence.differing} | ({RANDOM} & set(names))
    return Emphasis(frozenset(spread), len(names) > MOST, _words(subject, len(spread) - 1))


def _words(subject: DatasetResults, differ: int) -> str:
    if RANDOM not in subject.order:
        return "means alone: there is no random to differ from"
    if not subject.evidence.is_tested:
        return f"spread of {RANDOM} alone: so few seeds bear no test"
    if not differ:
        return f"spread of {RANDOM} alone: nothing differs from it (corrected p < {LEVEL:g})"
    return f"spread of {RANDOM} and of what differs from it (corrected p < {LEVEL:g})"
