"""The main table: total validation loss of every strategy at every labelled share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import pandas as pd

from benchmark.report.formats import text
from benchmark.report.formats.files import table_files
from benchmark.report.formats.numbers import decimals, head, listed_gaps
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.load import FULL_DATA, Results, total_loss
from benchmark.report.results.random_draws import RANDOM, incomplete_draws
from benchmark.report.statistics.comparable import comparable, short_note
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST, missing_seeds, ranking, summarise
from benchmark.report.statistics.paired_tests import best
from benchmark.words import terminal_width

CONSTANT_NOTE = (
    "constant is no network but the best constant prediction of every task, by the labels of the first set: "
    "what must be beaten to have learned from images at all."
)
CSV_COLUMNS = ["dataset", "strategy", "labelled", "share", "seeds", "mean", "low", "high"]


def render(results: Results) -> dict[str, bytes]:
    """The files of the table by their path within the results folder."""
    tables = [make_table(results, dataset) for dataset in results.begun]
    return table_files("loss_vs_labels", long_table(results), tables)


def terminal_table(results: Results, width: int | None = None) -> str:
    """The same table as plain text of at most ``width`` columns."""
    return text.terminal(
        [make_table(results, dataset) for dataset in results.begun], width or terminal_width()
    )


def long_table(results: Results) -> pd.DataFrame:
    """The same numbers for machines: one row per data set, strategy and budget, limits empty for one seed."""
    constants = [results.constants(dataset) for dataset in results.datasets]
    return summarise(total_loss(pd.concat([results.compared, *constants])))[CSV_COLUMNS]


def make_table(results: Results, dataset: str) -> Table:
    """The table of one data set."""
    everything = results.of(dataset)
    rows = total_loss(everything)
    cells, constants = summarise(rows), summarise(total_loss(results.constants(dataset)))
    unranked = {*results.references, FULL_DATA}
    is_full = everything["strategy"] == FULL_DATA
    budgets = sorted(set(everything.loc[~is_full, "labelled"]))
    columns = sorted(set(everything["labelled"]))
    seeds = sorted(set(everything["seed"]))
    heads = {size: head(size, results.pool[dataset]) for size in columns}
    tested = dataset not in results.plans  # a plan alone tells its strategies apart
    whole = total_loss(results.whole.of(dataset))
    whole = whole[~whole["strategy"].isin(unranked)]
    marked = _marked(whole) if tested else set()
    has_random = RANDOM in set(whole["strategy"])
    places = decimals(float(cells["mean"].abs().max()))
    written = _written(cells, len(seeds), marked, places) | _written(constants, len(seeds), set(), places)
    order = [name for name in _order(whole) if name in set(everything["strategy"]) - unranked]
    references = sorted(unranked & set(cells["strategy"]), key=lambda name: (name == FULL_DATA, name))
    missing = [FULL_DATA] if dataset in results.full_data and FULL_DATA not in references else []
    return Table(
        heads=list(heads.values()),
        rows=[(name, _row(written, name, columns, budgets)) for name in order],
        references=[
            *((name, _row(written, name, columns, budgets)) for name in references),
            *((name, _row(written, name, columns, [])) for name in sorted(set(constants["strategy"]))),
        ],
        caption=_caption(results, dataset, seeds),
        notes=[
            *_notes(rows, order, [*references, *missing], budgets, seeds, heads, has_random),
            *incomplete_draws(total_loss(results.trajectories(dataset))),
            *([] if constants.empty else [CONSTANT_NOTE]),
        ],
    ).named(results.label_in(dataset))


def _order(rows: pd.DataFrame) -> list[str]:
    """From the best on, by means that compare although some lack seeds."""
    values = comparable(rows, ("seed", "labelled"))
    means = values.pivot_table(index="strategy", columns="labelled", values="value")
    return ranking(means.reindex(sorted(set(rows["strategy"]))))


def _gap(expected: bool) -> Cell:
    return Cell(MISSING if expected else "")


def _row(
    written: Mapping[tuple[str, int], Cell], name: str, columns: list[int], budgets: list[int]
) -> Sequence[Cell]:
    expected = [] if name == FULL_DATA else budgets
    return [written.get((name, size), _gap(size in expected)) for size in columns]


def _marked(rows: pd.DataFrame) -> set[tuple[str, int]]:
    """The cells that are among the best of their budget."""
    seeds = rows["seed"].nunique()
    return {(name, size) for size, column in rows.groupby("labelled") for name in best(column, seeds)}


def _written(
    cells: pd.DataFrame, seeds: int, marked: AbstractSet[tuple[str, int]], places: int
) -> dict[tuple[str, int], Cell]:
    written = {(row.strategy, row.labelled): _cell(row, seeds, places) for row in cells.itertuples()}
    return {key: replace(cell, mark="best") if key in marked else cell for key, cell in written.items()}


def _cell(row: object, seeds: int, places: int) -> Cell:
    mean, high, n = (getattr(row, field) for field in ("mean", "high", "seeds"))
    spread = "" if math.isnan(high) else f" ± {high - mean:.{places}f}"
    return Cell(f"{mean:.{places}f}", spread, fewer_seeds(n, seeds))


def _caption(results: Results, dataset: str, seeds: list[int]) -> str:
    val = f", {results.val} validation images" if results.val else ""
    listed = ", ".join(map(str, seeds))
    if len(seeds) == 1:
        spread = f"one seed ({listed}), so no interval"
    else:
        spread = f"mean ± half-width of the 95 % t interval over {len(seeds)} seeds ({listed})"
    few = "; descriptive: too few seeds for a test" if len(seeds) < SEEDS_FOR_A_TEST else ""
    return (
        f"{dataset}: total validation loss over the {_share_of(results, dataset)} (pool of "
        f"{results.pool[dataset]}{val}); {spread}{few}. Lower is better; sorted by the mean over the budgets "
        "that all strategies have."
    )


def _share_of(results: Results, dataset: str) -> str:
    return "price, as a share of all labels'" if dataset in results.priced else "share of labelled images"


def _notes(
    rows: pd.DataFrame,
    order: list[str],
    references: list[str],
    budgets: list[int],
    seeds: list[int],
    heads: Mapping[int, str],
    has_random: bool,
) -> Iterator[str]:
    """What is missing, what a number of seeds in a cell means, and which are references."""
    short = False
    for name in [*order, *references]:
        expected = [max(heads)] if name == FULL_DATA else budgets
        of_strategy = rows[rows["strategy"] == name]
        gaps = missing_seeds(of_strategy, expected, seeds)
        short |= bool(gaps) and bool(of_strategy["value"].notna().any())
        if gaps:
            yield f"{name} has no result for {listed_gaps(gaps, expected, heads)}."
    if short:
        yield short_note(has_random)
    for name in sorted(set(references) - {FULL_DATA}):
        yield f"{name} is told what no strategy may know: a reference, not ranked."
    if order and not has_random:
        yield f"{RANDOM} is not among the strategies, so nothing here says what choosing is worth."
