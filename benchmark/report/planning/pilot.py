"""What a pilot says that a plan needs: the gap, what NAUBC varies by, and what a seed costs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.errors import UserError
from benchmark.records.round_store import FULL_DATA, NOISE_FLOOR, results_table
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.load import total_loss
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study
from benchmark.report.statistics.design.variance_components import (
    Components,
    Deviation,
    components,
    spread,
)
from benchmark.report.statistics.full_data_gap import FullDataGap
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.naubc import naubc_of
from benchmark.report.statistics.paired_tests import paired_differences
from benchmark.report.tables.cost_table import is_of_processor
from benchmark.report.tables.costs import STAGES, costs
from benchmark.report.validity.measured_noise import areas_after_first
from strategies.reference import is_draw, without_draw


@dataclass(frozen=True)
class Cost:
    """Mean seconds: of the shared first round of a seed, of later rounds by strategy, and of full data."""

    first: float
    later: Mapping[str, float]
    full: float
    of_processor: bool

    def hours(self, seeds: int, names: Sequence[str], full_data: bool) -> float:
        """Of a study of so many seeds; a strategy that the pilot lacks costs as one trajectory of random."""
        trajectories = sum(self.later.get(name, self.later[RANDOM]) for name in map(without_draw, names))
        return seeds * (self.first + trajectories + (self.full if full_data else 0.0)) / 3600

    def lacking(self, names: Sequence[str]) -> list[str]:
        """The strategies whose pass over the pool and selection are in no estimate."""
        return sorted({without_draw(name) for name in names} - set(self.later))


@dataclass(frozen=True)
class Pilot:
    """One data set's pilot. ``measured`` are deviations of paired differences to the mean of random's draws.

    ``digests`` are the SHA-256 of each folder's table of results, by its name.
    """

    dataset: str
    digests: tuple[tuple[str, str], ...]
    seeds: tuple[int, ...]
    draws: int
    gap: FullDataGap
    components: Components
    #: Validation images whose losses are kept; 0 without any.
    images: int
    measured: Mapping[str, Deviation]
    #: None where nothing is stored of it.
    cost: Cost | None


def read_pilot(study: Study, sources: Sequence[Path]) -> Pilot:
    """The pilot in these results. Raises UserError for results that lack what a plan needs."""
    named = ", ".join(map(str, sources))
    if len(study.results.begun) != 1:
        raise UserError(
            f"{named}: a pilot has trajectories of one data set, not of {study.results.datasets}."
        )
    subject = DatasetResults(study, study.results.begun[0])
    found, budgets = subject.evidence, subject.evidence.budgets
    draws = _draws(subject, budgets)
    if len(budgets) < 2 or not draws:
        raise UserError(f"{named}: a pilot has {RANDOM} at two budgets or more; `mtal gate` makes one.")
    parts = replace(
        components(draws, _trainings(study, subject.dataset, budgets)),
        evaluation=Deviation(found.image_areas.of_trajectory),
        evaluation_of_draw=Deviation(found.image_areas.of_draw),
    )
    measured = _measured(subject)
    if not parts.draw.is_known and not measured:
        raise UserError(
            f"{named}: no seed has two draws of {RANDOM}, so nothing says what a difference varies by: run "
            "it with --set references=3, or `mtal gate`."
        )
    return Pilot(
        dataset=subject.dataset,
        digests=_digests(study, sources),
        seeds=tuple(draws),
        draws=study.results.draws_in(subject.dataset),
        gap=found.gap,
        components=parts,
        images=found.image_areas.images,
        measured=measured,
        cost=_cost(subject),
    )


def _draws(subject: DatasetResults, budgets: Sequence[int]) -> dict[int, list[float]]:
    """The NAUBC of every whole draw of random, by seed."""
    rows = total_loss(subject.results.trajectories(subject.dataset))
    areas = naubc_of(rows[rows["strategy"].map(is_draw).astype(bool)], budgets).dropna(subset="naubc")
    return {int(seed): group["naubc"].tolist() for seed, group in areas.groupby("seed")}


def _trainings(study: Study, dataset: str, budgets: Sequence[int]) -> list[float]:
    """The NAUBC of repeated trainings of one labelled set, where `mtal noise` made some."""
    rounds = [done for source in study.sources for done in source.noise_of(dataset, NOISE_FLOOR)]
    return areas_after_first(rounds, budgets)


def _measured(subject: DatasetResults) -> dict[str, Deviation]:
    """The deviation of each strategy's own differences, where enough seeds have one."""
    values = subject.evidence.naubc.rename(columns={"naubc": "value"})
    found = {
        one.strategy: paired_differences(values, one.strategy, one.against)
        for one in subject.evidence.compared
        if one.seeds >= SEEDS_FOR_A_TEST
    }
    return {name: spread(d.tolist()) for name, d in found.items() if np.ptp(d) > 0}


def _digests(study: Study, sources: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    """By the names that were given: an archive lies elsewhere while it is read."""
    names = [source.resolve().name for source in sources]
    tables = [results_table(source.rounds) for source in study.sources]
    return tuple((name, hashlib.sha256(table).hexdigest()) for name, table in zip(names, tables, strict=True))


def _cost(subject: DatasetResults) -> Cost | None:
    spent = costs(subject.study.rounds_of(subject.dataset), is_of_processor(subject))
    spent = spent.assign(seconds=spent[list(STAGES)].sum(axis="columns"))
    full = spent["strategy"] == FULL_DATA
    first = spent[~full & (spent["round"] == 0)].drop_duplicates("seed")["seconds"]
    later = spent[~full & (spent["round"] > 0)].groupby(["strategy", "seed"])["seconds"].sum()
    by_name = later.groupby(later.index.get_level_values("strategy").map(without_draw)).mean()
    if RANDOM not in by_name or not by_name[RANDOM] > 0:
        return None
    means = {str(name): float(seconds) for name, seconds in by_name.items()}
    return Cost(_mean(first), means, _mean(spent[full]["seconds"]), is_of_processor(subject))


def _mean(values: pd.Series) -> float:
    mean = float(values.mean())
    return 0.0 if math.isnan(mean) else mean
