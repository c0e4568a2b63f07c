"""Shares of the gap over several data sets: their mean, its interval, and that of a further data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from benchmark.report.formats.files import table_files
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.study import Study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.over_datasets.gap_shares import OverDatasets, Share, every_strategy
from benchmark.report.statistics.over_datasets.random_effects import RandomEffects

HEADS = ("data sets", "of the gap", "95 %", "p (Holm)", "a further data set", "tau", "I²")
#: Its unit and what is taken for a draw, in every sentence on it.
METHOD = (
    "shares of each data set's gap to full data; random effects by Paule and Mandel, interval by Hartung and "
    "Knapp"
)


def summaries(study: Study) -> list[OverDatasets]:
    """Those that are shown, corrected among all that were run; nothing with fewer than two data sets."""
    whole = study.results.whole
    if len(whole.begun) < 2:
        return []
    shown = set(study.results.strategies)
    return [
        one
        for one in every_strategy([evidence(whole, name) for name in whole.begun])
        if one.strategy in shown
    ]


def render(study: Study) -> dict[str, bytes]:
    """The files of the table by their path; none where no strategy has two data sets with a share."""
    every = summaries(study)
    tables = [table.named(study.results.label) for table in tables_of(every)]
    if not tables:
        return {}
    mean, shares = tables
    return table_files("over_datasets", numbers(every), [mean]) | table_files(
        "over_datasets_effects", effects_of(every), [shares]
    )


def notes(study: Study) -> Iterator[str]:
    """A paragraph for a terminal where there are several data sets."""
    every = summaries(study)
    if not every:
        return
    told = [one for one in every if one.found]
    listed = "; ".join(f"{one.strategy} {mean_words(one.found)}" for one in told if one.found)
    yield " ".join(
        [f"Over data sets, against random ({METHOD}): {listed}." if told else NO_MEAN, *_left_out(every)]
    )


NO_PAIR = "Over data sets there is no mean: it takes two that have a share of the gap, and there is"
NO_MEAN = "Over data sets there is no mean: no strategy has a share of the gap on two or more."


def tables_of(every: Sequence[OverDatasets]) -> list[Table]:
    """That of the means, and that of the shares of each data set; none where there is no mean."""
    return [_mean_table(every), _share_table(every)] if any(one.found for one in every) else []


def _mean_table(every: Sequence[OverDatasets]) -> Table:
    return Table(
        heads=HEADS,
        rows=[(one.strategy, _row(one, one.found)) for one in every if one.found],
        references=[],
        caption=(
            f"Differences of NAUBC to random over data sets: {METHOD}. Below zero a strategy is better. "
            "A further data set: the 95 % interval of its true share; tau: the standard deviation of true "
            "shares between data sets."
        ),
        notes=[
            "p is corrected for the strategies of this table; no plan decides by it. Two data sets give no "
            "interval for a further one.",
            *_left_out(every),
        ],
    )


def _share_table(every: Sequence[OverDatasets]) -> Table:
    seeds = sorted((share.dataset, share.seeds) for one in every for share in one.shares)
    most = dict(seeds)  # the last of each data set, so its largest number
    return Table(
        heads=list(most),
        rows=[(one.strategy, _shares(one, most)) for one in every if one.shares],
        references=[],
        caption=(
            "Differences of NAUBC to random by data set, as shares of its gap to full data, with half the "
            "95 % t interval over seeds. Below zero a strategy is better. n: seeds, where others have more."
        ),
        notes=[],
    )


def _shares(one: OverDatasets, most: Mapping[str, int]) -> list[Cell]:
    """A cell for each data set."""
    of = {share.dataset: share for share in one.shares}
    return [_share(of[name], most[name]) if name in of else Cell(MISSING) for name in most]


def _share(share: Share, most: int) -> Cell:
    half = 100 * (share.interval[1] - share.share)
    fewer = fewer_seeds(share.seeds, most)
    return Cell(_percent(share.share), f" ± {half:.0f}", fewer)


def numbers(every: Sequence[OverDatasets]) -> pd.DataFrame:
    """The same for machines, a row a strategy."""
    return pd.DataFrame(
        [
            {"strategy": one.strategy, "against": one.against}
            | asdict(one.found)
            | {"corrected": one.corrected}
            for one in every
            if one.found
        ]
    )


def effects_of(every: Sequence[OverDatasets]) -> pd.DataFrame:
    """What went into it: a row for each strategy and data set."""
    return pd.DataFrame(
        [{"strategy": one.strategy, "against": one.against} | asdict(s) for one in every for s in one.shares]
    )


def pair_words(one: OverDatasets) -> str:
    """One comparison over data sets, in words."""
    words = _mean_of_pair(one, one.found) if one.found else f"{NO_PAIR} {'one' if one.shares else 'none'}."
    return " ".join([words, *_left_out([one])])


def _mean_of_pair(one: OverDatasets, found: RandomEffects) -> str:
    few = " Two data sets say little: t has one degree of freedom." if found.count == 2 else ""
    return (
        f"Over {found.count} data sets ({METHOD}): {one.strategy} minus {one.against} {mean_words(found)}, "
        f"p = {found.p:.3g}. Between data sets: tau {_plain(found.tau)}, I² {_plain(found.i_squared)}, p of "
        f"no difference {found.heterogeneity:.2g}.{few}"
    )


def mean_words(found: RandomEffects | None) -> str:
    """The mean with its interval and that of a further data set."""
    if found is None:
        return ""
    further = (
        ""
        if math.isnan(found.further_low)
        else f"; a further data set {_percent(found.further_low)} to {_percent(found.further_high)}"
    )
    return (
        f"{_percent(found.mean)} of the gap (95 %: {_percent(found.low)} to {_percent(found.high)}{further})"
    )


def _row(one: OverDatasets, found: RandomEffects | None) -> list[Cell]:
    if found is None:
        return []
    further = f"{_percent(found.further_low)} to {_percent(found.further_high)}"
    p = "< 0.001" if one.corrected < 0.001 else f"{one.corrected:.3f}"
    return [
        Cell(str(found.count)),
        Cell(_percent(found.mean)),
        Cell(f"{_percent(found.low)} to {_percent(found.high)}"),
        Cell(p),
        Cell(MISSING if math.isnan(found.further_low) else further),
        Cell(_plain(found.tau)),
        Cell(_plain(found.i_squared)),
    ]


def _left_out(every: Sequence[OverDatasets]) -> Iterator[str]:
    """Which data sets are in no mean, and why; once for all strategies."""
    why = {f"{dataset} ({reason})": None for one in every for dataset, reason in one.left_out.items()}
    if why:
        yield f"Left out where there is no share: {', '.join(why)}."


def _percent(share: float) -> str:
    return f"{100 * share:+.0f} %"


def _plain(share: float) -> str:
    return f"{100 * share:.0f} %"
