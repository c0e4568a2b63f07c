"""Two strategies, paired by seed, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.headline import Evidence, evidence
from benchmark.report.load import Results
from benchmark.report.paired import Comparison, compare_all, paired_differences
from benchmark.report.saving import Labels, curves, labels_to_match
from benchmark.report.statistics import SEEDS_FOR_A_TEST, t_interval
from benchmark.report.tables import decimals, head, total_loss


def compare(results: Results, strategy: str, against: str) -> str:
    """What the results say of one strategy against another, a paragraph and a table per data set.

    Raises UserError for a strategy that the results do not hold, and for one against itself.
    """
    known = [*results.strategies]
    for name in (strategy, against):
        if name not in known:
            raise UserError(f"The results hold no strategy {name!r}; they hold: {', '.join(known)}.")
    if strategy == against:
        raise UserError(f"{strategy} against itself says nothing: name two strategies.")
    parts = [_of_dataset(results, dataset, strategy, against) for dataset in results.datasets]
    return "\n\n".join(parts)


def _of_dataset(results: Results, dataset: str, strategy: str, against: str) -> str:
    found = evidence(results, dataset)
    areas = found.naubc.rename(columns={"naubc": "value"})
    one = compare_all(areas[areas["strategy"].isin([strategy, against])], against)
    if not one or not one[0].seeds:
        return f"{dataset}: {strategy} and {against} have no whole trajectory of the same seed."
    rows = total_loss(results.of(dataset))
    places = decimals(float(areas["value"].abs().max()))
    lines = [
        _claim(dataset, found, one[0], places),
        *_references(found, strategy, against),
        *_budgets(rows, found, strategy, against, places),
    ]
    return "\n".join(lines)


def _claim(dataset: str, found: Evidence, one: Comparison, places: int) -> str:
    means = found.naubc.groupby("strategy")["naubc"].mean()
    sizes = f"{means[one.strategy]:.{places}f} against {means[one.against]:.{places}f}"
    interval = (
        "" if math.isnan(one.low) else f", 95 % interval {one.low:+.{places}f} to {one.high:+.{places}f}"
    )
    return (
        f"{dataset}: {one.strategy} has a NAUBC of {sizes} for {one.against}: {one.mean:+.{places}f}"
        f"{interval}, over {one.seeds} common seed{'s' * (one.seeds > 1)}; lower is better. "
        f"{_verdict(one, places)}"
    )


def _verdict(one: Comparison, places: int) -> str:
    if one.seeds < SEEDS_FOR_A_TEST:
        return f"Fewer than {SEEDS_FOR_A_TEST} seeds describe and prove nothing."
    better = one.strategy if one.mean < 0 else one.against
    shown = f"{better} is better" if one.p < 0.05 else "no difference is shown"
    return (
        f"By a paired t test {shown} (p = {one.p:.3g}); a true difference of {one.detectable:.{places}f} "
        "would be found in four studies of five like this one."
    )


def _references(found: Evidence, *names: str) -> Iterator[str]:
    for name in names:
        if name in found.references:
            yield f"{name} saw the pool's labels: it is a reference and no competitor."


def _budgets(rows: pd.DataFrame, found: Evidence, strategy: str, against: str, places: int) -> Iterator[str]:
    matching = labels_to_match(curves(rows), strategy, against)
    for size in found.budgets:
        cell = rows[rows["labelled"] == size]
        differences = paired_differences(cell, strategy, against)
        if len(differences):
            mean, low, high = t_interval(differences.tolist())
            spread = "" if math.isnan(low) else f" ({low:+.{places}f} to {high:+.{places}f})"
            labels = _labels(matching.get(size), against, size, found.budgets[-1])
            yield f"  at {head(size, found.pool)}: {mean:+.{places}f}{spread}{labels}"


def _labels(needed: Labels | None, against: str, size: int, last: int) -> str:
    if needed is None or math.isnan(needed.needed):
        return ""
    if not math.isfinite(needed.needed):
        return f"; what {against} has there is not reached within {last} labels"
    factor = size / needed.needed
    return f"; what {against} has there takes {needed.needed:.0f} labels (speed-up factor {factor:.2f})"
