"""The results of a run, read from its folder and checked."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import pandas as pd

from benchmark.errors import UserError
from benchmark.records.kept_plan import KeptPlan, kept_plan
from benchmark.records.round_store import (
    COLUMNS,
    CONSTANT,
    LONGEST_FOLDER,
    PLAN,
    RESULTS,
    Round,
    Store,
    escaped,
    results_table,
)
from benchmark.report.results import csv_check
from benchmark.report.results.image_totals import ImageTotals, Place, kept_totals
from benchmark.report.results.metrics import PLAIN, Metrics, told_by
from benchmark.report.results.random_draws import draws_of, label, with_one_reference
from benchmark.report.results.settings import experiment_of
from benchmark.untrusted_files import LARGEST_INTEGER, MOST_TABLE, read_json, read_text
from strategies.reference import without_draw

#: Of an empty table too.
KINDS = {"seed": int, "round": int, "labelled": int, "value": float}
#: The headline: the multi-task validation loss.
TOTAL_LOSS = ("total", "loss")
#: What makes a row unique.
KEY = list(csv_check.KEY)
#: The network trained on every image of the pool.
FULL_DATA = "full-data"
DIGITS = 18  # of a whole number: so many fit into 64 bits
SHOWN = 60  # characters of a cell in a sentence
LONGEST_NAME = 1000  # characters of a strategy; with every parameter set it has some 400
T = TypeVar("T")


@dataclass(frozen=True)
class Results:
    """A long table of results, sorted, with ``COLUMNS`` and ``share`` (labelled / pool); NaN is missing.

    ``table`` has every trajectory as it ran; what is compared and shown is ``compared``, where the draws of
    random are one strategy; the best constant predictions, which are no strategy, are given by ``constants``.
    ``pool`` gives each data set's number of images to choose from, ``val`` the number of validation images
    (None where unknown or where there are several data sets); ``references`` know what no strategy may:
    shown, and never ranked; ``left_out`` are strategies that are not shown and keep their colours.
    """

    table: pd.DataFrame
    pool: Mapping[str, int]
    val: int | None
    references: frozenset[str] = frozenset()
    #: Those of the references that chose by training on the pool's labels: a scale for all others.
    oracles: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    #: Data sets whose experiment wants the network trained on everything.
    full_data: frozenset[str] = frozenset()
    #: Data sets whose labels had prices, or were bought by themselves: what is labelled is a price there.
    priced: frozenset[str] = frozenset()
    #: Which way of a metric is better.
    metrics: Metrics = PLAIN
    #: The results that these were chosen from, where some are left out.
    chosen_from: Results | None = None
    #: The plans of data sets that were planned.
    plans: Mapping[str, KeptPlan] = field(default_factory=dict)
    #: Total losses image by image, of the rounds that kept them.
    image_totals: Mapping[Place, ImageTotals] = field(default_factory=dict)

    @property
    def whole(self) -> Results:
        """The results of the experiment, those too that are not shown: no test depends on what is."""
        return self.chosen_from or self

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets, sorted."""
        return sorted(self.pool)

    @property
    def begun(self) -> list[str]:
        """Those that have a row: of the others the noise alone was measured."""
        return [name for name in self.datasets if not self.of(name).empty]

    @property
    def strategies(self) -> list[str]:
        """Names of the strategies of all data sets, sorted, without the network trained on everything."""
        return sorted(set(self.compared["strategy"]) - {FULL_DATA})

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The table with random as one strategy, the mean of its draws a seed."""
        return with_one_reference(self._trained)

    @cached_property
    def _trained(self) -> pd.DataFrame:
        """The table without constant predictions."""
        constant = self.table["strategy"] == CONSTANT
        return self.table[~constant].reset_index(drop=True) if constant.any() else self.table

    @cached_property
    def draws(self) -> int:
        """The most draws of random that a seed of any data set has."""
        return max(self._draws.values(), default=0)

    def draws_in(self, dataset: str) -> int:
        """The most draws of random that a seed of this data set has."""
        return self._draws.get(dataset, 0)

    @cached_property
    def _draws(self) -> dict[str, int]:
        each = {name: draws_of(self.trajectories(name))["draws"] for name in self.datasets}
        return {name: max(draws, default=0) for name, draws in each.items()}

    def of(self, dataset: str) -> pd.DataFrame:
        """The rows of one data set, random as one strategy."""
        return self.compared[self.compared["dataset"] == dataset]

    def trajectories(self, dataset: str) -> pd.DataFrame:
        """The rows of one data set as they ran, every draw of random by itself."""
        return self._trained[self._trained["dataset"] == dataset]

    def constants(self, dataset: str) -> pd.DataFrame:
        """The rows of a data set's best constant predictions, one for each first labelled set."""
        rows = self.table[self.table["dataset"] == dataset]
        return rows[rows["strategy"] == CONSTANT]

    def label(self, name: str) -> str:
        """What tables and figures of all data sets call a strategy."""
        return label(name, self.draws)

    def label_in(self, dataset: str) -> Callable[[str], str]:
        """What those of one data set call it."""
        return partial(label, draws=self.draws_in(dataset))

    def only(self, names: Iterable[str]) -> Results:
        """With these strategies and the network trained on everything. Raises UserError for unknown names."""
        wanted = {*names, FULL_DATA}
        if unknown := sorted(wanted - {*self.strategies, FULL_DATA}):
            raise UserError(
                f"The results hold no strategy {unknown[0]!r}; they hold: {', '.join(self.strategies)}."
            )
        if wanted == {FULL_DATA}:
            raise UserError(f"Name one strategy or more to report: {', '.join(self.strategies)}.")
        kept = self.table["strategy"].map(without_draw).isin({*wanted, CONSTANT})
        table = self.table[kept].reset_index(drop=True)
        pool = {name: size for name, size in self.pool.items() if name in set(table["dataset"])}
        left_out = self.left_out | (set(self.strategies) - wanted)
        return replace(self, table=table, pool=pool, left_out=left_out, chosen_from=self.whole)


def total_loss(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the headline loss."""
    return rows[(rows["task"] == TOTAL_LOSS[0]) & (rows["metric"] == TOTAL_LOSS[1])]


def stored_rounds(folder: Path) -> tuple[Round, ...]:
    """The stored rounds of a folder without scores of single images, most of what they hold."""
    return tuple(replace(done, strategy_state={}) for done in Store(folder).rounds(scores=False))


def read_results(folder: Path, rounds: Sequence[Round] | None = None) -> Results:
    """The numbers of a folder's stored rounds, and its ``environment.json``; ``rounds`` if they are read.

    Where no round is stored, ``results.csv`` is all there is. Where some are, they say the numbers, for each
    is sealed by a digest; a table that was edited or cut, or is older than they are, is said in a warning.
    Raises UserError for all that is wrong with any of them.
    """
    path = folder / RESULTS
    rounds = stored_rounds(folder) if rounds is None else rounds
    rows = _derived(rounds, path) if rounds else _read(path, _rows)
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(KINDS)
    nothing = set(table["strategy"]) <= {CONSTANT}
    measured = Store(folder).noise_datasets() if nothing else []
    if nothing and not measured:
        raise UserError(f"{path} has no rows yet: `mtal run` adds some as soon as its first round has ended.")
    _check_unique(table, path)
    stated, val, marked, metrics = _read(folder / "environment.json", _facts)
    pool = {str(name): _pool(rows, stated, path) for name, rows in table.groupby("dataset")}
    pool |= dict.fromkeys(measured, stated)
    share = table["labelled"] / table["dataset"].map(pool)
    # Sorted, because sums depend on the order in their last bit.
    table = table.assign(share=share).sort_values(KEY, ignore_index=True)
    val = val if len(pool) == 1 else None
    return Results(
        table,
        pool,
        val,
        marked["reference"],
        marked["oracle"],
        full_data=frozenset() if experiment_of(folder).get("full_data") is False else frozenset(pool),
        priced=_priced(folder, pool, rounds),
        metrics=metrics,
        plans=_plans(folder, pool),
        image_totals=kept_totals(Store(folder), rounds),
    )


def _priced(folder: Path, pool: Mapping[str, int], rounds: Sequence[Round]) -> frozenset[str]:
    """The data sets of a folder with different prices, or whose rounds have a part of some images' labels."""
    said, parts = experiment_of(folder), {done.dataset for done in rounds if done.budget is not None}
    costs = said.get("costs")
    differ = isinstance(costs, Mapping) and len(set(map(str, costs.values()))) > 1
    return frozenset(pool if differ or said.get("cost_columns") else parts)


def _plans(folder: Path, pool: Mapping[str, int]) -> dict[str, KeptPlan]:
    """The folder's plan, by its data set. Raises UserError for one of other data, and for a broken one."""
    kept = kept_plan(folder)
    if kept is None:
        return {}
    if kept.plan.dataset not in pool:
        raise UserError(
            f"{folder / PLAN} is for {kept.plan.dataset}; the results are of {', '.join(sorted(pool))}."
        )
    return {kept.plan.dataset: kept}


def _read(path: Path, parse: Callable[[Path], T]) -> T:
    try:
        return parse(path)
    except (OSError, ValueError, csv.Error) as error:
        kind = "UTF-8 JSON" if path.suffix == ".json" else "a UTF-8 comma-separated table"
        raise UserError(f"{path} cannot be read as {kind} as written by `mtal run`: {error}.") from error


def _derived(rounds: Sequence[Round], path: Path) -> list[dict[str, Any]]:
    """The rows of the stored rounds."""
    truth = results_table(rounds)
    rows = list(_parsed(truth.decode(), path.parent))
    if path.exists() and (said := csv_check.difference(rows, truth, path, lambda: _rows(path))):
        warnings.warn(said, stacklevel=3)
    return rows


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        raise UserError(
            f"{path.parent} holds no results.csv: give the folder of a run, where `mtal run` writes it with "
            f"the columns {','.join(COLUMNS)}."
        )
    return list(_parsed(read_text(path, MOST_TABLE), path))


def _parsed(text: str, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table; ``path`` is what a sentence on it names."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(reader, [])
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UserError(f"{path} lacks the column {missing[0]!r}: its columns must be {','.join(COLUMNS)}.")
    for number, cells in enumerate(reader, start=2):
        if len(cells) != len(header):
            raise UserError(
                f"{path}, row {number} has {len(cells)} cells where its header has {len(header)}."
            )
        cell = dict(zip(header, cells, strict=True))
        try:
            yield {column: PARSERS.get(column, _name)(cell[column]) for column in COLUMNS}
        except ValueError as error:
            raise UserError(f"{path}, row {number}: {error}.") from error


@lru_cache(4096)  # a table repeats them in every row
def _name(text: str) -> str:
    if len(escaped(_strategy(text))) > LONGEST_FOLDER:
        raise ValueError(f"{text[:SHOWN]!r} and so on is too long for a name: folders and files have it")
    return text


@lru_cache(4096)
def _strategy(text: str) -> str:
    """Longer than a folder's, with every parameter set: its folder has the beginning."""
    if not text.strip():
        raise ValueError("the names of data set, strategy, task and metric must not be empty")
    if len(text) > LONGEST_NAME:
        raise ValueError(f"{text[:SHOWN]!r} and so on is too long for a name")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise ValueError(f"seed, round and labelled must be whole numbers from 0 on, not {text[:SHOWN]!r}")
    return int(text)


def _value(text: str) -> float:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"value must be a finite number, or empty where it is missing, not {text[:SHOWN]!r}")
    return value if text else math.nan


PARSERS: dict[str, Callable[[str], Any]] = {
    "strategy": _strategy,
    "seed": _count,
    "round": _count,
    "labelled": _count,
    "value": _value,
}


def _check_unique(table: pd.DataFrame, path: Path) -> None:
    doubled = table[table.duplicated(KEY)]
    if not doubled.empty:
        key = ", ".join(f"{column} {doubled.iloc[0][column]}" for column in KEY)
        raise UserError(f"{path} has more than one row for {key}: each must be there once.")


def _facts(path: Path) -> tuple[int, int | None, Mapping[str, frozenset[str]], Metrics]:
    """Images in the pool and, where it is known, of validation; names of references and of the oracles among
    them; tasks' own metrics."""
    if not path.exists():
        raise UserError(f"{path} is missing: `mtal run` writes it beside results.csv, with the pool's size.")
    content = read_json(path)
    data = content.get("data") if isinstance(content, dict) else None
    pool, val = (data.get(key) if isinstance(data, dict) else None for key in ("pool", "val"))
    if _is_size(pool) and (val is None or _is_size(val)):
        return pool, val, _marked(content.get("strategies", {}), path), told_by(content.get("tasks"))
    raise UserError(f'{path} must give "pool" and "val" in "data" as whole numbers of images, over 0.')


def _is_size(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < LARGEST_INTEGER


def _marked(strategies: Any, path: Path) -> dict[str, frozenset[str]]:
    """Older results do not say which strategies there are: none of those was a reference."""
    if not isinstance(strategies, dict) or not all(isinstance(about, dict) for about in strategies.values()):
        raise UserError(f'{path} must hold "strategies" as a mapping from names to what is known of each.')
    return {
        mark: frozenset(name for name, about in strategies.items() if about.get(mark) is True)
        for mark in ("reference", "oracle")
    }


def _pool(rows: pd.DataFrame, stated: int, path: Path) -> int:
    """A data set's own full-data row says its pool best: ``stated`` is the size of one data set only."""
    if not ((rows["task"] == TOTAL_LOSS[0]) & (rows["metric"] == TOTAL_LOSS[1])).any():
        raise UserError(f"{path} has no row with task total and metric loss for {rows['dataset'].iloc[0]!r}.")
    full = rows.loc[rows["strategy"] == FULL_DATA, "labelled"]
    pool = int(full.max()) if len(full) else stated
    labelled = int(rows["labelled"].max())
    if full.nunique() > 1 or not 0 < labelled <= pool:
        raise UserError(
            f"{path} has {labelled} labelled images in {rows['dataset'].iloc[0]!r}, whose pool has {pool}: "
            f"labelled must be at most the pool, and equal to it for {FULL_DATA}."
        )
    return pool
