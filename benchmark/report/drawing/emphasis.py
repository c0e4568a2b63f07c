"""Whose spread a figure of curves shows: bands of all of a dozen strategies are a grey wash."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.dataset_statistics import DatasetStatistics
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
    differ = _differing(subject.evidence) & set(names)
    spread = differ | ({RANDOM} & set(names))
    return Emphasis(frozenset(spread), len(names) > MOST, _words(subject, bool(differ)))


def _differing(found: DatasetStatistics) -> set[str]:
    """What differs from random: by the plan what it names, and by the corrected test what it does not."""
    decisions = found.planned.decisions if found.planned else ()
    planned = {
        one.strategy for one in decisions if one.against == RANDOM and one.status in ("better", "worse")
    }
    return planned | {one.strategy for one in found.exploratory}


def _words(subject: DatasetResults, differ: bool) -> str:
    found, is_shown = subject.evidence, RANDOM in subject.order
    alone = f"{f'spread of {RANDOM}' if is_shown else 'means'} alone"
    if not found.family.size:
        return "means alone: there is no random to differ from"
    if not found.is_tested:
        return f"{alone}: so few seeds bear no test"
    rule = f"corrected p < {LEVEL:g}" if not found.planned else f"by the plan, or exploratory p < {LEVEL:g}"
    if not differ:
        return f"{alone}: nothing differs from {'it' if is_shown else RANDOM} ({rule})"
    both = f"{RANDOM} and of what differs from it" if is_shown else f"what differs from {RANDOM}"
    return f"spread of {both} ({rule})"
