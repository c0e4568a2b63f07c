"""What a run claims, in one sentence with its uncertainty, and what that sentence rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.report.formats.numbers import decimals
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.dataset_statistics import DatasetStatistics
from benchmark.report.statistics.design.planned_words import decided, planned_notes
from benchmark.report.statistics.full_data_gap import FullDataGap, gap_words, room
from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.labels_needed import Labels
from benchmark.report.statistics.paired_tests import Comparison
from benchmark.report.tables.headline_table import left_out_note

NO_FULL_DATA = "no network trained on everything is there, so nothing says where its loss is reached"


@dataclass(frozen=True)
class Claim:
    """``sentence`` can be quoted alone, for few seeds are said in it; ``notes`` say what it rests on."""

    dataset: str
    sentence: str
    notes: tuple[str, ...]


def claim(found: DatasetStatistics) -> Claim:
    """The claim for the strategy of the lowest mean NAUBC among those that have one for every seed."""
    if len(found.budgets) < 2:
        return Claim(found.dataset, "With one budget there is no curve, and no strategy is named here.", ())
    groups = found.naubc[~found.naubc["strategy"].isin(found.references)].groupby("strategy")["naubc"]
    means = groups.mean()[groups.count() == len(found.seeds)].sort_index()
    best = None if means.empty else str(means.idxmin())
    places = decimals(float(found.naubc["naubc"].abs().max()))
    notes = (*_difference(found, best, places), *_notes(found, set(groups.groups), best, means))
    little = room(found.gap, found.compared, places)
    plan = decided(found.planned, places) if found.planned else ""
    said = [*filter(None, (plan, little, _tested(found, places))), _said(found, best, len(means))]
    return Claim(found.dataset, f"{_few(len(found.seeds))}{'. '.join(said)}.", notes)


def _tested(found: DatasetStatistics, places: int) -> str:
    """What the test shows of all strategies, before anything that rests on means alone; losses as well."""
    if not found.is_tested:
        return ""
    if found.planned:
        return _exploratory(found, places)
    better, worse = (
        [_named(one, places) for one in found.differing if (one.mean < 0) == is_better]
        for is_better in (True, False)
    )
    which = f"No strategy{' that is shown' if found.left_out else ''}"
    if not better and not worse:
        return f"{which} differs from {RANDOM} beyond doubt"
    wins = f"Better than {RANDOM} beyond doubt: {', '.join(better)}" if better else ""
    losses = "worse" if better else f"{which} is better than {RANDOM} beyond doubt; worse"
    return "; ".join(filter(None, (wins, f"{losses}: {', '.join(worse)}" if worse else "")))


def _exploratory(found: DatasetStatistics, places: int) -> str:
    """What the test shows of comparisons that the plan does not name; empty where it shows nothing."""
    sides = {True: "better", False: "worse"}
    listed = [f"{_named(one, places)} {sides[one.mean < 0]} than {RANDOM}" for one in found.exploratory]
    return f"Not planned, so exploratory: {', '.join(listed)}" if listed else ""


def _named(one: Comparison, places: int) -> str:
    p = "p < 0.001" if one.corrected < 0.001 else f"p = {one.corrected:.3f}"
    return f"{one.strategy} ({one.mean:+.{places}f}, {p})"


def _few(seeds: int) -> str:
    if seeds >= SEEDS_FOR_A_TEST:
        return ""
    if seeds == 1:
        return "With one seed, which describes and ranks nothing: "
    return f"With {seeds} seeds, which describe and rank nothing: "


def _said(found: DatasetStatistics, best: str | None, compared: int) -> str:
    if best is None:
        return "No strategy has a result at every budget for every seed, so none is named here"
    shown = " that is shown" if found.left_out else ""
    if best == RANDOM and compared > 1:
        head = f"No strategy{shown} has a lower mean loss over the budgets than {RANDOM}"
        return f"{head}; {_reach(found, best)}"
    if _at_first(found, best):
        return f"{best} has the lowest mean loss over the budgets; {_reach(found, best)}"
    if not _reaches(found, best):
        return _not_reached(found, best, shown)
    other = f"; {_reach(found, RANDOM)}" if RANDOM in found.needed and best != RANDOM else ""
    return _reach(found, best) + other


def _not_reached(found: DatasetStatistics, best: str, shown: str) -> str:
    head = f"{best} has the lowest mean loss over the budgets"
    if best not in found.needed or math.isnan(found.needed[best].needed):
        return f"{head}; {NO_FULL_DATA}"
    ranked = [name for name in sorted(found.needed) if name not in found.references]
    others = "; ".join(_reach(found, name) for name in ranked if _reaches(found, name))
    if others:
        return f"{head} and does not reach the full-data loss by {_last(found)} of labels; {others}"
    dips = [f"{name} at {_percent(found.needed[name].below)}" for name in ranked if found.needed[name].dips]
    if dips:
        return (
            f"{head}; single means lie below the full-data loss ({', '.join(dips)}), and no curve fitted to "
            f"all budgets reaches it by {_last(found)} of labels"
        )
    return f"No strategy{shown} reaches the full-data loss by {_last(found)} of labels; {head}"


def _at_first(found: DatasetStatistics, name: str) -> bool:
    """Whether the first budget, which all strategies share, has the full-data loss already."""
    first = found.budgets[0] / found.pool
    return name in found.needed and math.isclose(found.needed[name].needed, first)


def _reaches(found: DatasetStatistics, name: str) -> bool:
    return name in found.needed and math.isfinite(found.needed[name].needed)


def _reach(found: DatasetStatistics, name: str) -> str:
    """Where a strategy reaches the full-data loss, or that it does not."""
    labels = found.needed.get(name)
    if labels is None or math.isnan(labels.needed):
        return NO_FULL_DATA
    if _at_first(found, name):
        return (
            f"the first {_percent(labels.needed)} of labels, which all strategies share, have the full-data "
            "loss already, so no strategy needs fewer than another"
        )
    if math.isfinite(labels.needed):
        where = f"{_percent(labels.needed)} of labels ({_between(labels, found)})"
        return f"{name} reaches the full-data loss at {where}"
    begins = f" (the 95 % interval begins at {_percent(labels.low)})" if 0 < labels.low < math.inf else ""
    dips = f", though its mean lies below it at {_percent(labels.below)}" if labels.dips else ""
    return f"{name} does not reach the full-data loss by {_last(found)} of labels{begins}{dips}"


def _between(labels: Labels, found: DatasetStatistics) -> str:
    if math.isnan(labels.low):
        return "one seed, no interval"
    of = "" if labels.seeds == len(found.seeds) else f" of {labels.seeds} seeds"
    low = _percent(labels.low) if labels.low else "the first budget or less"
    high = _percent(labels.high) if math.isfinite(labels.high) else "beyond the last budget"
    return f"{low} to {high}, 95 %{of}"


def _notes(found: DatasetStatistics, names: set[str], best: str | None, means: pd.Series) -> Iterator[str]:
    if found.planned:
        yield from planned_notes(found.planned, found.gap, decimals(float(found.naubc["naubc"].abs().max())))
    if note := left_out_note(found):
        yield note
    if not found.family.size and RANDOM not in names:
        yield f"{RANDOM} is not among the strategies, so nothing here says what choosing is worth."
    if incomplete := sorted(names - set(means.index)):
        yield f"Left out, for some of their trajectories are not finished: {', '.join(incomplete)}."
    if len(means) > 2 and best != RANDOM:
        yield (
            f"It speaks of the lowest of {len(means)} strategies: the best of several looks better than it "
            "would in a new study."
        )


def _difference(found: DatasetStatistics, best: str | None, places: int) -> Iterator[str]:
    """The headline number behind the claim: its paired difference to random."""
    one = next((compared for compared in found.against_random if compared.strategy == best), None)
    if one is not None and not math.isnan(one.mean):
        one = _without_interval(one) if found.is_planned(one) else one
        interval = "" if math.isnan(one.low) else f" (95 %: {one.low:+.{places}f} to {one.high:+.{places}f})"
        yield (
            f"Mean loss over the budgets (NAUBC) of {best} minus that of {RANDOM}, paired over {one.seeds} "
            f"seed{'s' * (one.seeds > 1)}: {one.mean:+.{places}f}{interval}{_share(found.gap, one)}; "
            f"{_verdict(found, one)}."
        )
    if found.family.size:
        yield gap_words(found.gap, places)


def _without_interval(one: Comparison) -> Comparison:
    """The plan's interval, which holds at all its looks, stands in the claim, and is wider."""
    return replace(one, low=math.nan, high=math.nan)


def _share(gap: FullDataGap, one: Comparison) -> str:
    """The difference and its interval as shares of the gap."""
    if not gap.percent(one.mean):
        return ""
    bounds = f" ({gap.percent(one.low, '+')} to {gap.percent(one.high, '+')})"
    return f", {gap.percent(one.mean, '+')} of the gap to full data{'' if math.isnan(one.low) else bounds}"


def _verdict(found: DatasetStatistics, one: Comparison) -> str:
    family = found.family
    if math.isnan(one.corrected):
        return "too few seeds for a test"
    if found.is_planned(one):
        return "tested by the plan alone"
    shown = "a difference is shown" if one.corrected < LEVEL else "no difference is shown"
    p = "p < 0.001" if one.corrected < 0.001 else f"p = {one.corrected:.3f}"
    corrected = f", corrected for the {family.words}" if family.size > 1 else ""
    return f"{shown} (paired t test, {p}{corrected})"


def _last(found: DatasetStatistics) -> str:
    return _percent(found.budgets[-1] / found.pool)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
