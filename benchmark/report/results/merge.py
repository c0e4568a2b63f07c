"""Several folders of results as one study: only where their numbers compare, and no trajectory twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import islice

import pandas as pd

from benchmark.errors import UserError
from benchmark.records.kept_plan import KeptPlan
from benchmark.records.round_store import COLUMNS
from benchmark.report.results.load import FULL_DATA, KEY, Results
from benchmark.report.results.settings import comparable, differences, known_facts, written
from benchmark.report.results.study import Source, Study

TRAJECTORY = ["dataset", "strategy", "seed"]
#: Of many differences, the first say enough.
SHOWN = 5


def merged(studies: Sequence[Study]) -> Study:
    """One study of all results.

    Raises UserError where two folders computed the same data set under other settings, or where both hold a
    trajectory (data set, strategy, seed) and its numbers differ.
    """
    return reduce(_joined, studies)


def _joined(one: Study, other: Study) -> Study:
    shared = sorted(set(one.results.datasets) & set(other.results.datasets))
    for dataset in shared:
        _check_same_settings(one, other, dataset)
    twice = _held_twice(one, other)
    rounds = [done for done in other.rounds if (done.dataset, done.strategy, done.seed) not in twice]
    plans = {name: _plan(name, one, other) for name in {**one.results.plans, **other.results.plans}}
    return Study(
        results=replace(_joined_results(one.results, other.results, twice), plans=plans),
        rounds=(*one.rounds, *rounds),
        sources=(*one.sources, *other.sources),
    )


def _joined_results(one: Results, other: Results, twice: set[tuple[str, str, int]]) -> Results:
    fresh = other.table[[key not in twice for key in _keys(other.table)]]
    pool = {**one.pool, **other.pool}
    return Results(
        table=pd.concat([one.table, fresh]).sort_values(KEY, ignore_index=True),
        pool=pool,
        val=(one.val or other.val) if len(pool) == 1 else None,
        references=one.references | other.references,
        oracles=one.oracles | other.oracles,
        full_data=one.full_data | other.full_data,
        priced=one.priced | other.priced,
        metrics=one.metrics | other.metrics,
        image_totals={**other.image_totals, **one.image_totals},
    )


def _plan(dataset: str, one: Study, other: Study) -> KeptPlan:
    """The plan of a data set, and where planned trajectories were computed without it."""
    each = [(study, study.results.plans.get(dataset)) for study in (one, other)]
    kept = next(plan for _, plan in each if plan)
    names = [_folders(study) for study, plan in each if not plan and _has_planned(study, dataset, kept)]
    return replace(kept, without=(*(name for _, plan in each if plan for name in plan.without), *names))


def _has_planned(study: Study, dataset: str, kept: KeptPlan) -> bool:
    table = study.results.table
    return any(map(kept.is_of, set(table.loc[table["dataset"] == dataset, "strategy"])))


def _keys(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(table[TRAJECTORY].itertuples(index=False, name=None))


def _check_same_settings(one: Study, other: Study, dataset: str) -> None:
    found = dict.fromkeys(
        difference
        for mine in one.sources_of(dataset)
        for theirs in other.sources_of(dataset)
        for difference in _all_differences(one.results, other.results, mine, theirs, dataset)
    )
    plans = [study.results.plans.get(dataset) for study in (one, other)]
    kept = [replace(plan, without=()) for plan in plans if plan]
    if any(plan != kept[0] for plan in kept):
        found["another plan"] = None
    if found:
        raise UserError(
            f"{_folders(one)} and {_folders(other)} cannot be in one report, their results on {dataset} are "
            f"not comparable: {'; '.join(islice(found, SHOWN))}."
        )


def _all_differences(
    one: Results, other: Results, mine: Source, theirs: Source, dataset: str
) -> Iterator[str]:
    pools = [results.pool[dataset] for results in (one, other)]
    if pools[0] != pools[1]:
        yield f"pool: {pools[0]} and {pools[1]}"
    yield from _budget_differences(one, other, dataset)
    yield from differences(known_facts(mine.environment), known_facts(theirs.environment))
    settings = [
        comparable(source.experiment, pool, str(source.folder / "experiment.yaml"))
        for source, pool in zip((mine, theirs), pools, strict=True)
    ]
    yield from differences(*settings)


def _budget_differences(one: Results, other: Results, dataset: str) -> Iterator[str]:
    """An unfinished run has the first budgets only; any other difference is one."""
    mine, theirs = (
        sorted(set(rows.loc[rows["strategy"] != FULL_DATA, "labelled"]))
        for rows in (one.of(dataset), other.of(dataset))
    )
    if any(a != b for a, b in zip(mine, theirs, strict=False)):
        yield f"labelled images: {written(mine)} and {written(theirs)}"


def _held_twice(one: Study, other: Study) -> set[tuple[str, str, int]]:
    """Trajectories that both have, with the same numbers."""
    mine, theirs = (dict(list(study.results.table.groupby(TRAJECTORY))) for study in (one, other))
    twice = set(mine) & set(theirs)
    for key in sorted(twice):
        rows = [held[key][list(COLUMNS)].reset_index(drop=True) for held in (mine, theirs)]
        if not rows[0].equals(rows[1]):
            dataset, strategy, seed = key
            raise UserError(
                f"{_folders(one)} and {_folders(other)} both hold {strategy}, seed {seed} on {dataset}, with "
                "other numbers: a trajectory must be in one folder only, or the same in both."
            )
    return twice


def _folders(study: Study) -> str:
    return ", ".join(str(source.folder) for source in study.sources)
