"""The headline table: one number per strategy, its difference to random, and the labels it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from benchmark.report.formats.files import as_csv, table_files
from benchmark.report.formats.numbers import decimals
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.load import Results
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.comparable import short_note
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, all_evidence
from benchmark.report.statistics.design.planned_words import decided, planned_notes
from benchmark.report.statistics.full_data_gap import FullDataGap, gap_words, room
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST, t_interval
from benchmark.report.statistics.labels_needed import FITTED, Labels, bounds
from benchmark.report.statistics.oracle_gain import OracleGain, gain_words
from benchmark.report.statistics.paired_tests import Comparison
from benchmark.report.tables.evaluation_images_table import image_words

BEFORE, OF_THE_ORACLE = ("NAUBC", "minus random", "of the gap"), "of the oracle's gain"
AFTER = (
    "p (Holm)",
    "detectable",
    "labels for full-data loss",
    "labels for random's loss",
)


def make_headline(found: DatasetStatistics) -> Table:
    """The table of one data set, best NAUBC first, references below."""
    groups = found.naubc.groupby("strategy")["naubc"]
    ranked, references = found.order
    places = decimals(float(groups.mean().abs().max()))
    rows = {name: _row(found, str(name), group.dropna().tolist(), places) for name, group in groups}
    return Table(
        heads=(*BEFORE, *([OF_THE_ORACLE] if found.oracle.oracle else []), *AFTER),
        rows=[(name, _marked(rows[name], name in found.lowest)) for name in ranked],
        references=[(name, rows[name]) for name in references],
        caption=_caption(found, places),
        notes=list(_notes(found, places)),
        marked="The lowest NAUBC, and what a paired test (Holm) does not tell from it,",
    )


def render(results: Results) -> dict[str, bytes]:
    """The files of the headline by their path within the results folder."""
    all_found = all_evidence(results)
    tables = [
        make_headline(found).named(results.label_in(found.dataset)) for found in all_found if found.budgets
    ]
    files = table_files("headline", long_table(all_found), tables)
    return files | {"tables/naubc.csv": as_csv(areas(all_found))}


def terminal_notes(results: Results) -> list[str]:
    """What plans decide, a paragraph a data set that has one."""
    every = [found for found in all_evidence(results) if found.planned] if results.whole.plans else []
    return [
        f"{found.dataset}: {decided(plan, _places(found))}. "
        + " ".join(planned_notes(plan, found.gap, _places(found)))
        for found in every
        if (plan := found.planned)
    ]


def long_table(all_found: Sequence[DatasetStatistics]) -> pd.DataFrame:
    """The same numbers for machines: one row per data set and strategy."""
    return pd.concat([_numbers(found) for found in all_found], ignore_index=True)


def areas(all_found: Sequence[DatasetStatistics]) -> pd.DataFrame:
    """The NAUBC of every trajectory, one row each."""
    return pd.concat([found.naubc for found in all_found], ignore_index=True)


def _marked(cells: Sequence[Cell], is_best: bool) -> Sequence[Cell]:
    first, *others = cells
    return [replace(first, mark="best"), *others] if is_best else cells


def _row(found: DatasetStatistics, name: str, areas: Sequence[float], places: int) -> list[Cell]:
    one = next((each for each in found.against_random if each.strategy == name), None)
    return [
        _mean(areas, len(found.seeds), places),
        *_compared(found, one, places),
        _labels(found, found.needed.get(name)),
        Cell("") if name == RANDOM else _labels(found, found.matching.get(name)),
    ]


def area_cell(found: DatasetStatistics, name: str) -> Cell:
    """The mean NAUBC of a strategy, marked as in the table."""
    cell = _mean(_areas(found, name), len(found.seeds), _places(found))
    return replace(cell, mark="best") if name in found.lowest else cell


def difference_cell(found: DatasetStatistics, name: str) -> Cell:
    """The paired difference of a strategy to random; empty for random itself."""
    one = next((each for each in found.against_random if each.strategy == name), None)
    return _compared(found, one, _places(found))[0]


def _areas(found: DatasetStatistics, name: str) -> list[float]:
    values: list[float] = found.naubc.loc[found.naubc["strategy"] == name, "naubc"].dropna().tolist()
    return values


def _places(found: DatasetStatistics) -> int:
    return decimals(float(found.naubc.groupby("strategy")["naubc"].mean().abs().max()))


def _mean(areas: Sequence[float], seeds: int, places: int) -> Cell:
    if not areas:
        return Cell(MISSING)
    mean, _, high = t_interval(areas)
    return Cell(f"{mean:.{places}f}", _spread(high - mean, places), fewer_seeds(len(areas), seeds))


def _compared(found: DatasetStatistics, one: Comparison | None, places: int) -> list[Cell]:
    """Difference, its share of the gap and of what an oracle won, if one ran, p and what is detectable, the
    last as a share of the gap too.
    """
    scales: list[FullDataGap | OracleGain] = [found.gap, *([found.oracle] if found.oracle.oracle else [])]
    if one is None or math.isnan(one.mean):
        return [Cell("" if one is None else MISSING)] * (3 + len(scales))
    half, detectable = one.high - one.mean, found.gap.percent(one.detectable)
    return [
        Cell(f"{one.mean:+.{places}f}", _spread(half, places), fewer_seeds(one.seeds, len(found.seeds))),
        *(_share(scale, one.mean, half) for scale in scales),
        _p_cell(found, one),
        Cell(_number(one.detectable, places), f" ({detectable})" if detectable else ""),
    ]


def _p_cell(found: DatasetStatistics, one: Comparison) -> Cell:
    """The plan's p of what it names: any other would be one look too many."""
    by_plan = found.planned and found.planned.of(one.strategy, one.against)
    if found.planned and by_plan:
        return Cell(_p(found.planned.p(by_plan)), " (plan)")
    return Cell(_p(one.corrected))


def _share(scale: FullDataGap | OracleGain, mean: float, half: float) -> Cell:
    spread = scale.percent(half).removesuffix(" %")
    return Cell(scale.percent(mean, "+") or MISSING, f" ± {spread}" if spread else "")


def _labels(found: DatasetStatistics, labels: Labels | None) -> Cell:
    """A share of the pool in % with its interval; beyond the last budget nothing is known."""
    if labels is None or math.isnan(labels.needed):
        return Cell(MISSING)
    last = found.budgets[-1] / found.pool
    needed = f"{100 * labels.needed:.3g} %" if math.isfinite(labels.needed) else f"> {100 * last:.3g} %"
    return Cell(
        needed,
        bounds(labels, lambda share: f"{100 * share:.3g}"),
        fewer_seeds(labels.seeds, len(found.seeds)),
    )


def _spread(half: float, places: int) -> str:
    return "" if math.isnan(half) else f" ± {half:.{places}f}"


def _number(value: float, places: int) -> str:
    return MISSING if math.isnan(value) else f"{value:.{places}f}"


def _p(value: float) -> str:
    return MISSING if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _caption(found: DatasetStatistics, places: int) -> str:
    first, last = (100 * size / found.pool for size in (found.budgets[0], found.budgets[-1]))
    little = room(found.gap, found.compared, places)
    return (
        f"{found.dataset}: {f'{little}. N' if little else 'n'}ormalised area under the budget curve "
        f"(NAUBC) of the total validation loss from {first:.3g} to {last:.3g} % labels, lower is better; its "
        "paired difference to random, also as a share of the gap to full data; the share of labels at which "
        f"the full-data loss, and the loss of random at {last:.3g} %, are first reached. 95 % intervals over "
        f"{len(found.seeds)} seeds."
    )


def _notes(found: DatasetStatistics, places: int) -> Iterator[str]:
    if found.planned:
        yield f"{decided(found.planned, places)}."
        yield from planned_notes(found.planned, found.gap, places)
    yield from (sentence for sentence in (_tested(found), left_out_note(found)) if sentence)
    if found.family.size:
        yield gap_words(found.gap, places)
        yield from filter(None, [gain_words(found.oracle, places), image_words(found)])
    yield from _short(found)
    yield f"Labels: {FITTED}. > says not reached within the budgets; {MISSING} that a number does not exist."
    yield from _dips(found)
    for name in sorted(found.references & set(found.naubc["strategy"])):
        yield f"{name} is told what no strategy may know: a reference, neither ranked nor tested."


def _short(found: DatasetStatistics) -> Iterator[str]:
    """What a number of seeds in a cell means, where there is one."""
    counts = found.naubc.dropna(subset="naubc").groupby("strategy")["seed"].nunique()
    if (counts < len(found.seeds)).any():
        yield short_note(bool(found.family.size))


def _tested(found: DatasetStatistics) -> str:
    if len(found.seeds) < SEEDS_FOR_A_TEST:
        return f"{len(found.seeds)} seeds are descriptive: no test, and nothing here ranks strategies."
    if not found.family.size:
        return ""
    detectable = (
        "detectable: the true difference that these seeds find in four studies of five at the corrected level"
    )
    test = f"p: two-sided paired t test, Holm-corrected for the {found.family.words}"
    if found.planned:
        return (
            f"p (plan): over its looks and its family. Exploratory, not by the plan: any other {test}. "
            f"Intervals of the table know nothing of looks; {detectable}, which for planned ones is that of "
            "the plan's family."
        )
    return f"{test}; {detectable}."


def left_out_note(found: DatasetStatistics) -> str:
    """What is not shown, and that it changes no number; empty where everything is."""
    if not found.left_out:
        return ""
    return (
        f"Not shown, by choice, and counted in every correction: {', '.join(sorted(found.left_out))}. "
        "Numbers are those of the whole experiment."
    )


def _dips(found: DatasetStatistics) -> Iterator[str]:
    """Where a mean lies below a loss that the fitted curve does not reach."""
    for of, needed in (("full-data", found.needed), ("last random", found.matching)):
        names = [f"{name} at {100 * labels.below:.3g} %" for name, labels in needed.items() if labels.dips]
        if names:
            yield f"Below the {of} loss in the mean, but not by the fitted curve: {', '.join(names)}."


def _numbers(found: DatasetStatistics) -> pd.DataFrame:
    compared = {one.strategy: one for one in found.against_random}
    rows = []
    for name, areas in found.naubc.groupby("strategy")["naubc"]:
        there = areas.dropna().tolist()
        mean, low, high = t_interval(there) if there else (math.nan,) * 3
        rows.append(
            {"dataset": found.dataset, "strategy": name, "seeds": len(there)}
            | {"naubc": mean, "naubc_low": low, "naubc_high": high}
            | _of_comparison(found, compared.get(str(name)))
            | _columns("labels_for_full_data", found.needed.get(str(name)))
            | _columns("labels_for_loss_of_random", found.matching.get(str(name)))
        )
    return pd.DataFrame(rows)


def _of_comparison(found: DatasetStatistics, one: Comparison | None) -> dict[str, Any]:
    """The difference to random, in losses and in shares of the gap and of what an oracle won, and how many
    are corrected for.
    """
    numbers = asdict(one) if one else {}
    in_loss = ("mean", "low", "high", "p", "corrected", "detectable")
    shares = {
        f"share_of_gap_{part}": found.gap.share(numbers[part]) if one else None
        for part in ("mean", "low", "high", "detectable")
    }
    of_oracle = {
        f"share_of_oracle_{part}": found.oracle.share(numbers[part]) if one else None
        for part in ("mean", "low", "high")
    }
    scales = {"comparisons": found.family.size, "gap": found.gap.mean, "oracle_gain": found.oracle.mean}
    losses = {f"minus_random_{part}": numbers.get(part) for part in in_loss}
    return losses | shares | of_oracle | scales | (_by_plan(found, one) if one else {})


def _by_plan(found: DatasetStatistics, one: Comparison) -> dict[str, Any]:
    """What the plan says of it, in the place of the p values of a comparison that it names."""
    if found.planned is None:
        return {}
    none = {f"minus_random_{part}": None for part in ("p", "corrected")}
    return (none if found.is_planned(one) else {}) | found.planned.numbers(one.strategy, one.against)


def _columns(name: str, labels: Labels | None) -> dict[str, float | None]:
    parts = ("needed", "low", "high")
    return {f"{name}_{part}": getattr(labels, part) if labels else None for part in parts}
