"""The headline table: one number per strategy, its difference to random, and the labels it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from benchmark.report.cells import MISSING, Cell, Mark, Table, best_and_second
from benchmark.report.formats import as_csv, table_files
from benchmark.report.load import FULL_DATA, Results
from benchmark.report.naubc import naubc_of
from benchmark.report.paired import Comparison, compare_all
from benchmark.report.reference import RANDOM
from benchmark.report.saving import Labels, curves, full_data, labels_to_reach
from benchmark.report.statistics import SEEDS_FOR_A_TEST, t_interval
from benchmark.report.tables import decimals, total_loss

HEADS = (
    "NAUBC",
    "minus random",
    "p (Holm)",
    "detectable",
    "labels for full-data loss",
    "labels for random's loss",
)


@dataclass(frozen=True)
class Evidence:
    """What one data set says of its strategies; ``naubc`` has one row per trajectory, references included.

    ``against_random`` is empty without random; ``needed`` are labels for the full-data loss as a share of the
    pool, ``matching`` those for the loss that random has at the last budget.
    """

    dataset: str
    pool: int
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]
    naubc: pd.DataFrame
    against_random: tuple[Comparison, ...]
    needed: Mapping[str, Labels]
    matching: Mapping[str, Labels]
    references: frozenset[str]

    @property
    def order(self) -> tuple[list[str], list[str]]:
        """Strategies from the lowest mean NAUBC on, those without one last; and the references by name."""
        means = self.naubc.groupby("strategy")["naubc"].mean().sort_index()
        names = [str(name) for name in means.sort_values(kind="stable", na_position="last").index]
        ranked = [name for name in names if name not in self.references]
        return ranked, sorted(self.references & set(names))


def evidence(results: Results, dataset: str) -> Evidence:
    """Everything that the headline says, computed from the total losses of one data set."""
    rows, pool = total_loss(results.of(dataset)), results.pool[dataset]
    learned = rows[rows["strategy"] != FULL_DATA]
    budgets = tuple(sorted(set(learned["labelled"])))
    areas = naubc_of(learned, budgets)
    every = curves(rows)
    ranked = areas[~areas["strategy"].isin(results.references)].rename(columns={"naubc": "value"})
    has_random = RANDOM in set(ranked["strategy"])
    targets = {"full": full_data(rows), "random": _last(every.get(RANDOM), budgets)}
    needed, matching = (
        {name: labels_to_reach(curve, target).over(pool) for name, curve in every.items()}
        for target in targets.values()
    )
    return Evidence(
        dataset=dataset,
        pool=pool,
        budgets=budgets,
        seeds=tuple(sorted(set(learned["seed"]))),
        naubc=areas,
        against_random=tuple(compare_all(ranked, RANDOM)) if has_random else (),
        needed=needed,
        matching=matching,
        references=results.references,
    )


def make_headline(found: Evidence) -> Table:
    """The table of one data set, best NAUBC first, references below."""
    groups = found.naubc.groupby("strategy")["naubc"]
    ranked, references = found.order
    places = decimals(float(groups.mean().abs().max()))
    marks = _marks(found.naubc, ranked, len(found.seeds), places)
    rows = {name: _row(found, str(name), group.dropna().tolist(), places) for name, group in groups}
    return Table(
        heads=HEADS,
        rows=[(name, _marked(rows[name], marks.get(name))) for name in ranked],
        references=[(name, rows[name]) for name in references],
        caption=_caption(found),
        notes=list(_notes(found)),
        marked="Lowest mean",
    )


def render(results: Results) -> dict[str, bytes]:
    """The files of the headline by their path within the results folder."""
    all_found = [evidence(results, dataset) for dataset in results.datasets]
    tables = [make_headline(found) for found in all_found if found.budgets]
    raw = pd.concat([_numbers(found) for found in all_found])
    areas = pd.concat([found.naubc for found in all_found])
    return table_files("headline", raw, tables) | {"tables/naubc.csv": as_csv(areas)}


def _last(curve: pd.DataFrame | None, budgets: Sequence[int]) -> pd.Series:
    """The losses at the last budget by seed; empty without the curve."""
    return pd.Series(dtype=float) if curve is None or budgets[-1] not in curve else curve[budgets[-1]]


def _marks(areas: pd.DataFrame, ranked: Sequence[str], seeds: int, places: int) -> dict[str, Mark | None]:
    """Best and second, as rounded, among those with all seeds: other means do not compare."""
    groups = areas.groupby("strategy")["naubc"]
    means = groups.mean()[groups.count() == seeds].round(places)
    means = means[means.index.isin(ranked)]
    return dict(zip(means.index, best_and_second(means.tolist()), strict=True))


def _marked(cells: Sequence[Cell], mark: Mark | None) -> Sequence[Cell]:
    first, *others = cells
    return [Cell(first.mean, first.spread, first.seeds, mark), *others]


def _row(found: Evidence, name: str, areas: Sequence[float], places: int) -> list[Cell]:
    compared = next((one for one in found.against_random if one.strategy == name), None)
    last = found.budgets[-1] / found.pool
    return [
        _mean(areas, len(found.seeds), places),
        *_compared(compared, len(found.seeds), places),
        _labels(found.needed.get(name), last),
        Cell("") if name == RANDOM else _labels(found.matching.get(name), last),
    ]


def _mean(areas: Sequence[float], seeds: int, places: int) -> Cell:
    if not areas:
        return Cell(MISSING)
    mean, _, high = t_interval(areas)
    return Cell(f"{mean:.{places}f}", _spread(high - mean, places), _count(len(areas), seeds))


def _compared(one: Comparison | None, seeds: int, places: int) -> list[Cell]:
    if one is None or math.isnan(one.mean):
        return [Cell("" if one is None else MISSING)] * 3
    difference = Cell(
        f"{one.mean:+.{places}f}", _spread(one.high - one.mean, places), _count(one.seeds, seeds)
    )
    return [difference, Cell(_p(one.corrected)), Cell(_number(one.detectable, places))]


def _labels(labels: Labels | None, last: float) -> Cell:
    """A share of the pool in % with its interval; beyond the last budget nothing is known."""
    if labels is None or math.isnan(labels.needed):
        return Cell(MISSING)
    needed = f"{100 * labels.needed:.3g} %" if math.isfinite(labels.needed) else f"> {100 * last:.3g} %"
    low, high = f"{100 * labels.low:.3g}", f"{100 * labels.high:.3g}"
    if not math.isfinite(labels.low):
        return Cell(needed)
    if not math.isfinite(labels.high):
        return Cell(needed, f" (from {low})" if labels.low else " (no bound)")
    return Cell(needed, f" ({low} to {high})" if labels.low else f" (up to {high})")


def _spread(half: float, places: int) -> str:
    return "" if math.isnan(half) else f" ± {half:.{places}f}"


def _count(there: int, seeds: int) -> str:
    return "" if there == seeds else f" [n = {there}]"


def _number(value: float, places: int) -> str:
    return MISSING if math.isnan(value) else f"{value:.{places}f}"


def _p(value: float) -> str:
    return MISSING if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _caption(found: Evidence) -> str:
    first, last = (100 * size / found.pool for size in (found.budgets[0], found.budgets[-1]))
    return (
        f"{found.dataset}: normalised area under the budget curve (NAUBC) of the total validation loss from "
        f"{first:.3g} to {last:.3g} % labels, lower is better; its paired difference to random; the share of "
        "labels at which the full-data loss, and the loss of random at "
        f"{last:.3g} %, are first reached. 95 % intervals over {len(found.seeds)} seeds."
    )


def _notes(found: Evidence) -> Iterator[str]:
    if len(found.seeds) < SEEDS_FOR_A_TEST:
        yield f"{len(found.seeds)} seeds are descriptive: no test, and nothing here ranks strategies."
    else:
        yield (
            "p: two-sided paired t test, Holm-corrected over the strategies; detectable: the true difference "
            "that these seeds find in four studies of five at the corrected level."
        )
    yield f"> says not reached within the budgets; {MISSING} that a number does not exist."
    for name in sorted(found.references & set(found.naubc["strategy"])):
        yield f"{name} saw the pool's labels: an upper reference, neither ranked nor tested."


def _numbers(found: Evidence) -> pd.DataFrame:
    compared = {one.strategy: asdict(one) for one in found.against_random}
    rows = []
    for name, areas in found.naubc.groupby("strategy")["naubc"]:
        there = areas.dropna().tolist()
        mean, low, high = t_interval(there) if there else (math.nan,) * 3
        one = compared.get(name, {})
        rows.append(
            {"dataset": found.dataset, "strategy": name, "seeds": len(there)}
            | {"naubc": mean, "naubc_low": low, "naubc_high": high}
            | {
                f"minus_random_{k}": one.get(k)
                for k in ("mean", "low", "high", "p", "corrected", "detectable")
            }
            | _columns("labels_for_full_data", found.needed.get(name))
            | _columns("labels_for_loss_of_random", found.matching.get(name))
        )
    return pd.DataFrame(rows)


def _columns(name: str, labels: Labels | None) -> dict[str, float | None]:
    parts = ("needed", "low", "high")
    return {f"{name}_{part}": getattr(labels, part) if labels else None for part in parts}
