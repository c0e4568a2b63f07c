"""What a run claims, in one sentence with its uncertainty, and what that sentence rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from benchmark.report.headline import Evidence
from benchmark.report.paired import LEVEL, Comparison
from benchmark.report.reference import RANDOM
from benchmark.report.saving import Labels
from benchmark.report.statistics import SEEDS_FOR_A_TEST
from benchmark.report.tables import decimals

NO_FULL_DATA = "no network trained on everything is there, so nothing says where its loss is reached"


@dataclass(frozen=True)
class Claim:
    """``sentence`` can be quoted alone, for few seeds are said in it; ``notes`` say what it rests on."""

    dataset: str
    sentence: str
    notes: tuple[str, ...]


def claim(found: Evidence) -> Claim:
    """The claim for the strategy of the lowest mean NAUBC among those that have one for every seed."""
    if len(found.budgets) < 2:
        return Claim(found.dataset, "With one budget there is no curve, and no strategy is named here.", ())
    groups = found.naubc[~found.naubc["strategy"].isin(found.references)].groupby("strategy")["naubc"]
    means = groups.mean()[groups.count() == len(found.seeds)].sort_index()
    best = None if means.empty else str(means.idxmin())
    notes = (*_difference(found, best, means), *_notes(set(groups.groups), best, means))
    return Claim(found.dataset, f"{_few(len(found.seeds))}{_said(found, best, len(means))}.", notes)


def _few(seeds: int) -> str:
    if seeds >= SEEDS_FOR_A_TEST:
        return ""
    if seeds == 1:
        return "With one seed, which describes and ranks nothing: "
    return f"With {seeds} seeds, which describe and rank nothing: "


def _said(found: Evidence, best: str | None, compared: int) -> str:
    if best is None:
        return "No strategy has a result at every budget for every seed, so none is named here"
    if best == RANDOM and compared > 1:
        head = f"No strategy has a lower mean loss over the budgets than {RANDOM}"
        return f"{head}; {_reach(found, best)}"
    if not _reaches(found, best):
        return _not_reached(found, best)
    other = f"; {_reach(found, RANDOM)}" if RANDOM in found.needed and best != RANDOM else ""
    return _reach(found, best) + other


def _not_reached(found: Evidence, best: str) -> str:
    head = f"{best} has the lowest mean loss over the budgets"
    if best not in found.needed or math.isnan(found.needed[best].needed):
        return f"{head}; {NO_FULL_DATA}"
    reaching = [name for name in sorted(found.needed) if _reaches(found, name)]
    others = "; ".join(_reach(found, name) for name in reaching if name not in found.references)
    if not others:
        return f"No strategy reaches the full-data loss by {_last(found)} of labels; {head}"
    return f"{head} and does not reach the full-data loss by {_last(found)} of labels; {others}"


def _reaches(found: Evidence, name: str) -> bool:
    return name in found.needed and math.isfinite(found.needed[name].needed)


def _reach(found: Evidence, name: str) -> str:
    """Where a strategy reaches the full-data loss, or that it does not."""
    labels = found.needed.get(name)
    if labels is None or math.isnan(labels.needed):
        return NO_FULL_DATA
    if math.isfinite(labels.needed):
        where = f"{_percent(labels.needed)} of labels ({_between(labels, found)})"
        return f"{name} reaches the full-data loss at {where}"
    begins = f" (the 95 % interval begins at {_percent(labels.low)})" if 0 < labels.low < math.inf else ""
    return f"{name} does not reach the full-data loss by {_last(found)} of labels{begins}"


def _between(labels: Labels, found: Evidence) -> str:
    if math.isnan(labels.low):
        return "one seed, no interval"
    of = "" if labels.seeds == len(found.seeds) else f" of {labels.seeds} seeds"
    low = _percent(labels.low) if labels.low else "the first budget or less"
    high = _percent(labels.high) if math.isfinite(labels.high) else "beyond the last budget"
    return f"{low} to {high}, 95 %{of}"


def _notes(names: set[str], best: str | None, means: pd.Series) -> Iterator[str]:
    if RANDOM not in names:
        yield f"{RANDOM} is not among the strategies, so nothing here says what choosing is worth."
    if incomplete := sorted(names - set(means.index)):
        yield f"Left out, for some of their trajectories are not finished: {', '.join(incomplete)}."
    if len(means) > 2 and best != RANDOM:
        yield (
            f"It speaks of the lowest of {len(means)} strategies: the best of several looks better than it "
            "would in a new study."
        )


def _difference(found: Evidence, best: str | None, means: pd.Series) -> Iterator[str]:
    """The headline number behind the claim: its paired difference to random."""
    one = next((compared for compared in found.against_random if compared.strategy == best), None)
    if one is None or math.isnan(one.mean):
        return
    places = decimals(float(means.abs().max()))
    interval = "" if math.isnan(one.low) else f" (95 %: {one.low:+.{places}f} to {one.high:+.{places}f})"
    yield (
        f"Mean loss over the budgets (NAUBC) of {best} minus that of {RANDOM}, paired over {one.seeds} "
        f"seed{'s' * (one.seeds > 1)}: {one.mean:+.{places}f}{interval}; "
        f"{_verdict(one, len(found.against_random))}."
    )


def _verdict(one: Comparison, tested: int) -> str:
    if math.isnan(one.corrected):
        return "too few seeds for a test"
    shown = "a difference is shown" if one.corrected < LEVEL else "no difference is shown"
    p = "p < 0.001" if one.corrected < 0.001 else f"p = {one.corrected:.3f}"
    corrected = f", corrected for {tested} strategies" if tested > 1 else ""
    return f"{shown} (paired t test, {p}{corrected})"


def _last(found: Evidence) -> str:
    return _percent(found.budgets[-1] / found.pool)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
