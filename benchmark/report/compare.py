"""Two strategies, paired by seed, in words: the same numbers as in the headline wherever that has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.formats.numbers import decimals, head
from benchmark.report.results.load import Results, total_loss
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, evidence
from benchmark.report.statistics.design.planned_words import of_comparison, planned_notes
from benchmark.report.statistics.evaluation_images import ImageError
from benchmark.report.statistics.full_data_gap import gap_words, room
from benchmark.report.statistics.holm_family import LEVEL, Family, all_pairs
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST, t_interval
from benchmark.report.statistics.labels_needed import FITTED, Curves, Labels, bounds, curves
from benchmark.report.statistics.over_datasets.gap_shares import over_datasets
from benchmark.report.statistics.paired_tests import Comparison, compare_all, compared, paired_differences
from benchmark.report.tables.over_datasets_table import pair_words


@dataclass(frozen=True)
class AtBudget:
    """The first strategy minus the second at a budget, with its interval and as a share of the gap there.

    ``needed`` are the labels that the second needs for the loss of the first; None at the first budget, whose
    network strategies share (``same``: this pair does).
    """

    labelled: int
    mean: float
    low: float
    high: float
    share_of_gap: float
    same: bool
    needed: Labels | None


@dataclass(frozen=True)
class Pair:
    """Two strategies of one data set, over the seeds of which both have every budget."""

    results: Results
    found: DatasetStatistics
    strategy: str
    against: str

    @cached_property
    def areas(self) -> pd.DataFrame:
        """NAUBC as ``value``, one row a trajectory of any strategy."""
        return self.found.naubc.rename(columns={"naubc": "value"})

    def seeds_of(self, name: str) -> set[int]:
        """The seeds of which a strategy has every budget."""
        return set(self.areas[self.areas["strategy"] == name].dropna(subset="value")["seed"])

    @property
    def seeds(self) -> list[int]:
        """The seeds of which both have."""
        return sorted(self.seeds_of(self.strategy) & self.seeds_of(self.against))

    @cached_property
    def family(self) -> Family | None:
        """What the comparison is corrected for: the experiment's if it is one of its own, else all pairs.

        None for a reference, which nothing is tested against.
        """
        names = {self.strategy, self.against}
        if names & self.found.references:
            return None
        if self.found.family.reference in names:
            return self.found.family
        return all_pairs(set(self.areas["strategy"]) - self.found.references)

    @cached_property
    def comparison(self) -> Comparison:
        """The first strategy minus the second."""
        if self.family is None:
            return compared(self.areas, self.strategy, self.against, LEVEL)
        declared = self.family is self.found.family
        every = self.found.compared if declared else compare_all(self.areas, self.family)
        names = {self.strategy, self.against}
        one = next((each for each in every if {each.strategy, each.against} == names), None)
        if one is None:  # these data lack one of the two
            return compared(self.areas, self.strategy, self.against, self.family.level)
        return one if one.strategy == self.strategy else one.turned()

    @cached_property
    def over_images(self) -> ImageError | None:
        """What other validation images would change; None where no losses of single ones are kept."""
        return self.found.image_areas.difference(self.strategy, self.against)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The total losses of the common seeds."""
        rows = total_loss(self.results.of(self.found.dataset))
        return rows[rows["seed"].isin(self.seeds)]

    @cached_property
    def curves(self) -> Curves:
        """The curves over the common seeds."""
        return curves(self.rows)

    @cached_property
    def budgets(self) -> list[AtBudget]:
        """Budget by budget; nothing without a common seed."""
        return [self._at(size) for size in self.found.budgets] if self.seeds else []

    def _at(self, size: int) -> AtBudget:
        cell = self.rows[self.rows["labelled"] == size]
        differences = paired_differences(cell, self.strategy, self.against).tolist()
        mean, low, high = t_interval(differences)
        first = size == self.found.budgets[0]
        needed = None if first else self.curves.needed(self.against, self.curves.loss_of(self.strategy, size))
        share = self.found.gap.share(mean, size)
        return AtBudget(size, mean, low, high, share, first and not any(differences), needed)

    @cached_property
    def places(self) -> int:
        """Decimals of a loss."""
        return decimals(float(self.areas["value"].abs().max()))

    def signed(self, number: float) -> str:
        """A difference of losses."""
        return f"{number:+.{self.places}f}"


def compare(results: Results, strategy: str, against: str) -> str:
    """What the results say of one strategy against another: ``in_words`` of its ``pairs``."""
    return in_words(pairs(results, strategy, against))


def pairs(results: Results, strategy: str, against: str) -> list[Pair]:
    """One strategy against another on every data set.

    Raises UserError for a strategy that the results do not hold, and for one against itself.
    """
    known = [*results.strategies]
    for name in (strategy, against):
        if name not in known:
            raise UserError(f"The results hold no strategy {name!r}; they hold: {', '.join(known)}.")
    if strategy == against:
        raise UserError(f"{strategy} against itself says nothing: name two strategies.")
    return [Pair(results, evidence(results, dataset), strategy, against) for dataset in results.datasets]


def in_words(compared: Sequence[Pair]) -> str:
    """A paragraph and a table per data set, and their mean where there are several."""
    every = over_datasets([pair.found for pair in compared], *_names(compared))
    return "\n\n".join([*map(_of_dataset, compared), *([pair_words(every)] if len(compared) > 1 else [])])


def numbers(compared: Sequence[Pair]) -> pd.DataFrame:
    """The same for machines: one row a data set; shares are of the gap from random to full data."""
    return pd.DataFrame([_numbers(pair) for pair in compared])


def _numbers(pair: Pair) -> dict[str, Any]:
    one = asdict(pair.comparison)
    shares = {f"share_of_gap_{part}": pair.found.gap.share(one[part]) for part in ("mean", "low", "high")}
    return {"dataset": pair.found.dataset} | one | shares | _by_plan(pair)


def _by_plan(pair: Pair) -> dict[str, Any]:
    """What the plan says of the pair, in the place of p values, if it names it."""
    plan = pair.found.planned
    if plan is None or not pair.found.is_planned(pair.comparison):
        return {}
    return {"p": None, "corrected": None} | plan.numbers(pair.strategy, pair.against)


def document(compared: Sequence[Pair]) -> dict[str, Any]:
    """The whole for programs, as ``mtal compare --json`` gives it: numbers, budgets, and the words."""
    strategy, against = _names(compared)
    every = over_datasets([pair.found for pair in compared], strategy, against)
    return {
        "strategy": strategy,
        "against": against,
        "datasets": [*map(_document, compared)],
        "over_datasets": every.found and asdict(every.found) | {"shares": [asdict(s) for s in every.shares]},
    }


def _names(compared: Sequence[Pair]) -> tuple[str, str]:
    (names,) = {(pair.strategy, pair.against) for pair in compared}
    return names


def _document(pair: Pair) -> dict[str, Any]:
    found, family, gap = pair.found, pair.family, pair.found.gap
    return {
        **{key: value for key, value in _numbers(pair).items() if key not in ("strategy", "against")},
        "seeds": pair.seeds,
        "left_out": sorted(set(found.seeds) - set(pair.seeds)),
        "family": family and {"comparisons": family.size, "reference": family.reference},
        "gap": {"mean": gap.mean, "low": gap.low, "high": gap.high, "seeds": gap.seeds},
        "evaluation_images": pair.over_images and asdict(pair.over_images),
        "budgets": [asdict(at) for at in pair.budgets],
        "text": _of_dataset(pair),
    }


def _of_dataset(pair: Pair) -> str:
    if not pair.seeds:
        both = f"{pair.strategy} and {pair.against}"
        return f"{pair.found.dataset}: {both} have no whole trajectory of the same seed."
    little = room(pair.found.gap, [pair.comparison], pair.places)
    lines = [
        f"{pair.found.dataset}: {f'{little}.' if little else _claim(pair)}",
        *([_claim(pair)] if little else []),
        _verdict(pair),
        *_over_images(pair),
        *_left_out(pair),
        gap_words(pair.found.gap, pair.places),
        *_budgets(pair),
    ]
    return "\n".join(lines)


def _claim(pair: Pair) -> str:
    one, places = pair.comparison, pair.places
    common = pair.areas[pair.areas["seed"].isin(pair.seeds)]
    means = common.groupby("strategy")["value"].mean()
    sizes = f"{means[one.strategy]:.{places}f} against {means[one.against]:.{places}f}"
    return (
        f"{one.strategy} has a NAUBC of {sizes} for {one.against}: {_difference(pair, one)}, over "
        f"{one.seeds} common seed{'s' * (one.seeds > 1)}; lower is better."
    )


def _difference(pair: Pair, one: Comparison) -> str:
    """With its interval, in losses and in shares of the gap."""
    gap = pair.found.gap
    share = gap.percent(one.mean, "+")
    # A planned one has its own interval, of all its looks, which follows.
    if math.isnan(one.low) or pair.found.is_planned(one):
        return f"{pair.signed(one.mean)}{f' ({share} of the gap to full data)' if share else ''}"
    interval = f"{pair.signed(one.mean)}, 95 % interval {pair.signed(one.low)} to {pair.signed(one.high)}"
    bounds = f"{gap.percent(one.low, '+')} to {gap.percent(one.high, '+')}"
    return f"{interval}{f' ({share} of the gap to full data, {bounds})' if share else ''}"


def _verdict(pair: Pair) -> str:
    """What is shown, and among which comparisons this one stands."""
    one = pair.comparison
    if pair.family is None:
        saw = " and ".join(sorted({pair.strategy, pair.against} & pair.found.references))
        return (
            f"{saw} is told what no strategy may know: a reference and no competitor, so nothing is tested."
        )
    if one.seeds < SEEDS_FOR_A_TEST:
        return f"Fewer than {SEEDS_FOR_A_TEST} seeds describe and prove nothing."
    if (plan := pair.found.planned) is not None:
        by_plan = of_comparison(plan, pair.strategy, pair.against, pair.places)
        if by_plan is not None:
            return f"{by_plan}. {' '.join(planned_notes(plan, pair.found.gap, pair.places))}"
    better = one.strategy if one.mean < 0 else one.against
    shown = f"{better} is better" if one.corrected < LEVEL else "no difference is shown"
    return (
        f"By a paired t test {shown} (p = {one.corrected:.3g}, corrected; {one.p:.3g} alone); "
        f"{_detectable(pair, one)} would be found in four studies of five like this one. "
        f"{_among(pair.family)}{' Exploratory: the plan does not name it.' if plan else ''}"
    )


def _detectable(pair: Pair, one: Comparison) -> str:
    share = pair.found.gap.percent(one.detectable)
    of_gap = f" ({share} of the gap)" if share else ""
    return f"a true difference of {one.detectable:.{pair.places}f}{of_gap}"


def _among(family: Family) -> str:
    if family.reference is not None:
        return f"Corrected by Holm's method for the {family.words}, as in the headline."
    return (
        "Exploratory: it is no comparison of the experiment's own, and any pair could have been named; "
        f"corrected by Holm's method for all {family.words}."
    )


def _over_images(pair: Pair) -> Iterator[str]:
    """The standard error over validation images, and the interval over both."""
    one, places = pair.over_images, pair.places + 1
    if one is None:
        return
    few = "" if one.seeds == len(pair.seeds) else f" of the {one.seeds} seeds that have kept their losses"
    error = f"standard error {one.over_images:.{places}f}"
    if not math.isnan(one.low):
        interval = f"{one.low:+.{places}f} to {one.high:+.{places}f}"
        error += f", beside {one.over_seeds:.{places}f} over seeds; 95 % interval over both {interval}"
    yield f"For other validation images than these {one.images}{few}: {error}."


def _left_out(pair: Pair) -> Iterator[str]:
    """The seeds that one of the two has and that count for nothing here."""
    lacking = {
        seed: [name for name in (pair.strategy, pair.against) if seed not in pair.seeds_of(name)]
        for seed in pair.found.seeds
        if seed not in pair.seeds
    }
    if lacking:
        listed = "; ".join(f"seed {seed} (not whole: {', '.join(names)})" for seed, names in lacking.items())
        yield f"Left out of every number here, since one of the two lacks a budget: {listed}."


def _budgets(pair: Pair) -> Iterator[str]:
    """Budget by budget: the difference, and the speed-up."""
    yield f"Total loss, and the labels that {pair.against} needs for the same; {FITTED}:"
    for at in pair.budgets:
        yield f"  at {head(at.labelled, pair.found.pool)}: {_at_budget(pair, at)}"


def _at_budget(pair: Pair, at: AtBudget) -> str:
    if at.needed is None:
        return "one network, which both share" if at.same else pair.signed(at.mean)
    share = pair.found.gap.percent(at.mean, "+", at.labelled)
    inside = [
        *([] if math.isnan(at.low) else [f"{pair.signed(at.low)} to {pair.signed(at.high)}"]),
        *([f"{share} of the gap there"] if share else []),
    ]
    brackets = f" ({', '.join(inside)})" if inside else ""
    return f"{pair.signed(at.mean)}{brackets}; {_speed_up(pair, at.needed, at.labelled)}"


def _speed_up(pair: Pair, needed: Labels, size: int) -> str:
    """The labels that the other one needs to match, divided by the labels used."""
    interval = bounds(needed.over(size), lambda factor: f"{factor:.2f}")
    if math.isfinite(needed.needed):
        factor = f"speed-up {needed.needed / size:.2f}{interval}"
        return f"{pair.against} needs {needed.needed:.0f} labels for it: {factor}"
    last = pair.found.budgets[-1]
    return f"{pair.against} does not have it within {last} labels: speed-up over {last / size:.2f}{interval}"
