"""Can any selection be told from random on a study's data: by its controls, which know what others do not.

A positive and a negative control bound what selection can do there. Each is held against random by the
study's own seeds, as strategies are, and neither is ranked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.load import FULL_DATA, TOTAL_LOSS
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.naubc import naubc_of
from benchmark.report.statistics.paired_tests import Comparison, compared
from benchmark.report.validity.check import Check
from benchmark.words import counted

CONTROL = "control"  # the family of these strategies, as ``environment.json`` names it
RARE = "miou_rare"
SENTENCE = "a study in which these cannot be told from random says nothing of any strategy"


def control_checks(subject: DatasetResults) -> Iterator[Check]:
    """What the controls of a data set show, and a warning for those that random equals; none without any.

    In the total loss every control is asked for; in metrics of rare classes one that shows is enough.
    """
    names = _controls(subject)
    if names and RANDOM not in set(subject.results.whole.of(subject.dataset)["strategy"]):
        yield Check(CONTROL, f"{_and(names)} cannot be told from random, which was not run: {SENTENCE}", True)
    elif names:
        yield from _held(subject, names, TOTAL_LOSS, "total loss", all_needed=True)
        for task in _tasks_with_rare_classes(subject):
            yield from _held(subject, names, (task, RARE), f"{task} mIoU of rare classes", all_needed=False)


def told_from_random(one: Comparison) -> bool:
    """Whether zero lies outside the 95 % t interval of enough seeds for a test."""
    return one.seeds >= SEEDS_FOR_A_TEST and not one.low <= 0 <= one.high


def _controls(subject: DatasetResults) -> list[str]:
    about = {
        n: a for source in subject.study.sources_of(subject.dataset) for n, a in source.strategies.items()
    }
    ran = set(subject.results.whole.of(subject.dataset)["strategy"])
    return sorted(name for name in ran if about.get(name, {}).get("family") == CONTROL)


def _tasks_with_rare_classes(subject: DatasetResults) -> list[str]:
    rows = subject.results.whole.of(subject.dataset)
    return sorted(set(rows[rows["metric"] == RARE].dropna(subset="value")["task"]))


def _held(
    subject: DatasetResults, names: Sequence[str], pair: tuple[str, str], label: str, all_needed: bool
) -> Iterator[Check]:
    found = _against_random(subject, names, pair)
    listed = "; ".join(f"{one.strategy} {_difference(one)}" for one in found)
    yield Check(f"controls minus random, NAUBC of {label} (95 % t interval)", listed)
    lost = [one.strategy for one in found if not told_from_random(one)]
    if lost and (all_needed or len(lost) == len(found)):
        seeds = counted(min(one.seeds for one in found), "seed")
        yield Check(
            CONTROL, f"{_and(lost)} cannot be told from random in {label} by {seeds}: {SENTENCE}", True
        )


def _against_random(subject: DatasetResults, names: Sequence[str], pair: tuple[str, str]) -> list[Comparison]:
    rows = subject.results.whole.of(subject.dataset)
    mine = (rows["task"] == pair[0]) & (rows["metric"] == pair[1]) & (rows["strategy"] != FULL_DATA)
    areas = naubc_of(rows[mine], subject.evidence.budgets).rename(columns={"naubc": "value"})
    return [compared(areas, name, RANDOM, LEVEL) for name in names]


def _difference(one: Comparison) -> str:
    shown = "" if told_from_random(one) else ", not told from random"
    if math.isnan(one.low):
        return f"{one.mean:+.4g} ({counted(one.seeds, 'seed')}, no interval{shown})"
    return f"{one.mean:+.4g} ({one.low:+.4g} to {one.high:+.4g}{shown})"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
