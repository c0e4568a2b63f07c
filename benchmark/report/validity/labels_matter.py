"""Is a study valid: did labels make a difference at all, so that which images get them could matter?

Numbers from the stored losses and metrics of one data set, and sentences on them; nothing is tested here, and
strategies are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.formats.files import as_csv
from benchmark.report.formats.numbers import head
from benchmark.report.results.load import TOTAL_LOSS
from benchmark.report.results.study import Study
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.validity.check import Check
from benchmark.report.validity.controls import control_checks
from benchmark.report.validity.regime import (
    LOSS,
    Change,
    Regime,
    beside_constant,
    falls,
    named,
    paired,
    regime,
    stage_losses,
    worse_refined,
)
from benchmark.words import counted

#: A relative difference that is none to speak of.
NEGLIGIBLE = 0.02
#: Of the total loss's fall; a task with more decides alone what is concluded.
LARGEST_SHARE = 0.5


def checks(found: Regime) -> list[Check]:
    """All answers, and the warnings among them."""
    parts = (_nothing_known, _labels, _refinement, _epochs, _shares, _constants)
    return [check for part in parts for check in part(found)]


def checks_of(subject: DatasetResults) -> list[Check]:
    """The same of a data set of a study, and of its controls; none where there is nothing to ask."""
    found = regime(subject)
    return [] if found is None else [*checks(found), *control_checks(subject)]


def notes(study: Study) -> list[str]:
    """A paragraph a data set, and each of its warnings as one more."""
    every = [(subject.dataset, checks_of(subject)) for subject in subjects(study)]
    return [text for dataset, found in every if found for text in _paragraphs(dataset, found)]


def render(study: Study) -> dict[str, bytes]:
    """The numbers behind the sentences by their path within the folder of the report."""
    found = [(subject.dataset, regime(subject)) for subject in subjects(study)]
    parts = [numbers(one).assign(dataset=dataset) for dataset, one in found if one is not None]
    if not parts:
        return {}
    table = pd.concat(parts)
    return {"tables/validity.csv": as_csv(table[["dataset", *table.columns.drop("dataset")]])}


def numbers(found: Regime) -> pd.DataFrame:
    """A row a task and metric: values at the first budget and at the end, and of the best constant."""
    pairs = [pair for pair in found.first.index if pair in found.end.index]
    rows = []
    for task, name in pairs:
        one = found.change(task, name)
        constant = paired(found.first, found.constant, (task, name))["other"].mean()
        rows.append(
            {"task": task, "metric": name, "seeds": one.seeds, "first": one.first, "end": one.end}
            | {"gain": one.gain, "constant": constant}
        )
    return pd.DataFrame(rows, columns=["task", "metric", "seeds", "first", "end", "gain", "constant"])


def _paragraphs(dataset: str, found: Sequence[Check]) -> Iterator[str]:
    facts = "; ".join(f"{check.name}: {check.text}" for check in found if not check.warning)
    yield f"Validity of {dataset}. {_capital(facts)}."
    yield from (f"Warning: {_capital(check.text)}." for check in found if check.warning)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _nothing_known(found: Regime) -> Iterator[Check]:
    """Which tasks are left out, because nothing is known of them?"""
    for task, names in found.missing.items():
        listed = ", ".join(named(task, name) for name in names)
        yield Check("values", f"no network has a value of {listed}: what would need it is left out", True)


def _labels(found: Regime) -> Iterator[Check]:
    """Does every task get better from the first budget to the end?"""
    named = {task: found.headline(task) for task in found.tasks}
    pairs = [*named.items(), TOTAL_LOSS]
    changes = [
        one for one in (found.change(*pair) for pair in pairs if found.metrics[pair[1]].better) if one.seeds
    ]
    listed = ", ".join(f"{one.name} {one.first:.4g} to {one.end:.4g}" for one in changes)
    yield Check(f"from {found.start.removeprefix('at ')} to {_end(found)}", listed or "no value is there")
    for one in changes:
        yield from _difference(one, found)
    known = {one.task for one in changes}
    for task in [name for name in (*named, TOTAL_LOSS[0]) if name not in known | found.missing.keys()]:
        yield Check(
            "labels", f"whether labels made a difference for {task} is not known: it has no value", True
        )


def _end(found: Regime) -> str:
    return "all labels" if found.full else found.stop.removeprefix("at ")


def _difference(one: Change, found: Regime) -> Iterator[Check]:
    values = one.values(found.start, found.stop)
    if one.gain <= 0:
        yield Check("labels", f"more labels made {one.name} no better: {values}", True)
    elif one.gain < NEGLIGIBLE * abs(one.first):
        small = f"less than {_percent(NEGLIGIBLE)} better"
        yield Check(
            "labels", f"labels made no difference for {one.name} to speak of: {values}, {small}", True
        )
    elif one.seeds >= SEEDS_FOR_A_TEST and one.low <= 0:
        seeds = counted(one.seeds, "seed")
        yield Check("labels", f"labels made no difference for {one.name} that {seeds} show: {values}", True)


def _refinement(found: Regime) -> Iterator[Check]:
    """Is the second stage's prediction at least as good as the first one's?"""
    asked = {found.start: found.first, found.stop: found.end}
    worse = [text for where, values in asked.items() for text in worse_refined(found, values, where)]
    if any(stage_losses(found, values) for values in asked.values()) and not worse:
        yield Check("refined predictions", "at least as good as the initial ones for every task")
    if worse:
        yield Check(
            "refined predictions",
            f"the refined prediction is worse than the initial: {', '.join(worse)}",
            True,
        )


def _epochs(found: Regime) -> Iterator[Check]:
    """How often is each image seen?"""
    if found.epochs:
        yield Check("epochs", found.epochs)
    if found.shown is None:
        return
    sizes = dict.fromkeys((found.budgets[0], found.budgets[-1], *([found.pool] if found.full else [])))
    epochs = {size: found.shown / size for size in sizes}
    listed = ", ".join(f"{times:.3g} at {head(size, found.pool)}" for size, times in epochs.items())
    yield Check("epochs", f"{found.recipe} are {listed}")
    short = [head(size, found.pool) for size, times in epochs.items() if times < 1]
    if short:
        yield Check(
            "epochs",
            f"a training of {found.recipe} is over before each image was seen: {', '.join(short)}",
            True,
        )


def _shares(found: Regime) -> Iterator[Check]:
    """Which part of the total's fall is a task's?"""
    known = falls(found)
    if not known:
        return
    listed = ", ".join(
        f"{task} {_percent(share)}" for task, share in sorted(known.items(), key=lambda kv: -kv[1])
    )
    yield Check("shares of the total loss's fall", listed)
    largest = max(known, key=lambda task: known[task])
    if len(known) > 2 and known[largest] > LARGEST_SHARE:
        yield Check(
            "shares of the total loss's fall",
            f"{largest} alone makes {_percent(known[largest])} of the total loss's fall, which says little "
            "of the other tasks",
            True,
        )


def _constants(found: Regime) -> Iterator[Check]:
    """Is a network better than saying the same of every pixel?"""
    if found.constant.empty:
        return
    pairs = {task: paired(found.end, found.constant, (task, LOSS)) for task in found.tasks}
    asked = {task: each for task, each in pairs.items() if len(each)}
    losses = ", ".join(
        f"{task} {each['one'].mean():.4g} ({each['other'].mean():.4g})" for task, each in asked.items()
    )
    if losses:
        yield Check(f"loss {found.stop} (of the best constant prediction)", losses)
    for where, values in ((found.start, found.first), (found.stop, found.end)):
        if bad := [text for task in asked if (text := _no_better(task, values, found))]:
            text = f"no better than the best constant prediction {where}: {', '.join(bad)}"
            yield Check("constant", text, True)


def _no_better(task: str, values: pd.DataFrame, found: Regime) -> str:
    """The first of a task's loss and headline metric in which a constant is as good; empty if none is."""
    for name, own, constant, better_by in beside_constant(found, values, task):
        if better_by <= 0:
            return f"{named(task, name)} {own:.4g} against {constant:.4g}"
    return ""
