"""Figure: what each strategy gains over random at every budget, paired by seed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.drawing import strategy_rows
from benchmark.report.drawing.axis_range import ROUNDING
from benchmark.report.drawing.canvas import close_up, picture
from benchmark.report.drawing.curve_panels import with_means
from benchmark.report.drawing.legend import FEW_SEEDS
from benchmark.report.drawing.paper_style import Paper
from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.random_draws import RANDOM

PAIR = ["dataset", "seed", "labelled"]
#: Of more budgets, so many are shown, evenly chosen, the last among them.
PANELS = 6


def render(subject: DatasetResults, paper: Paper) -> dict[str, bytes]:
    """The files of the figure by their ending; none without random, or without another strategy."""
    differences = minus_random(subject.losses)
    if differences.empty:
        return {}
    numbers = with_means(differences)
    names = [name for name in subject.order if name in set(numbers["strategy"])]
    budgets = shown_budgets(numbers)

    def draw(figure: Figure) -> None:
        _panels(figure, numbers, subject, names, budgets)

    wide = paper.over(2) if len(budgets) > 1 else paper
    return picture(
        numbers, wide, strategy_rows.height(subject, names), draw, _caption(subject, numbers, budgets), True
    )


def minus_random(losses: pd.DataFrame) -> pd.DataFrame:
    """The same rows with what each loss is above random's of the same data set, seed and budget.

    Rows without such a loss of random are left out, as are random and the network trained on everything. At
    the first budget a difference of rounding is none: one network that two processors trained.
    """
    is_random = losses["strategy"] == RANDOM
    random = losses[is_random].set_index(PAIR)["value"].rename("of_random")
    others = losses[~is_random & (losses["strategy"] != FULL_DATA)]
    paired = others.join(random, on=PAIR, how="inner")
    difference = paired["value"] - paired["of_random"]
    is_first = paired["labelled"] == paired["labelled"].min()
    are_one = (difference.abs() <= ROUNDING * paired["of_random"].abs())[is_first].all()
    return paired.assign(value=difference.mask(is_first & are_one, 0.0)).drop(columns="of_random")


def shown_budgets(numbers: pd.DataFrame) -> list[int]:
    """The budgets that have a panel: not those where all differences are 0, for one network is shared."""
    budgets = _differing(numbers) or [int(numbers["labelled"].max())]
    if len(budgets) <= PANELS:
        return budgets
    return [budgets[round(place * (len(budgets) - 1) / (PANELS - 1))] for place in range(PANELS)]


def _differing(numbers: pd.DataFrame) -> list[int]:
    differ = numbers.groupby("labelled")["value"].agg(lambda values: bool((values != 0).any()))
    return [int(size) for size in differ[differ].index]


def _panels(
    figure: Figure,
    numbers: pd.DataFrame,
    subject: DatasetResults,
    names: Sequence[str],
    budgets: Sequence[int],
) -> None:
    """A panel a budget, a row a strategy: nothing stands beside its place on a scale."""
    axes = figure.subplots(1, len(budgets), squeeze=False, sharex=True)[0]
    for ax, size in zip(axes, budgets, strict=True):
        at = numbers[numbers["labelled"] == size]
        ax.axvline(0, color="black", linewidth=0.8, zorder=1.5)
        strategy_rows.dots(ax, at, subject, names, also=[0.0])
        strategy_rows.set_rows(ax, subject, names, named=ax is axes[0])
        ax.locator_params(axis="x", nbins=4)
        ax.set_title(f"{100 * at['share'].iloc[0]:.3g} % labelled")
        ax.set_xlabel(f"Loss minus {RANDOM}'s ↓")
    shown = numbers[numbers["labelled"].isin(budgets)]
    if shown["seed"].nunique() <= FEW_SEEDS:
        close_up(axes[0], "x", [0.0, *shown["value"]])


def _caption(subject: DatasetResults, numbers: pd.DataFrame, budgets: Sequence[int]) -> str:
    seeds = int(numbers["seed"].nunique())
    if seeds == 1:
        return f"{subject.dataset}: one seed, no interval"
    cut = ", cut at the axes" if seeds <= FEW_SEEDS else ""
    there = _differing(numbers)
    shared = "; no panel where all share one network" if len(there) < numbers["labelled"].nunique() else ""
    thinned = f"; {len(budgets)} of {len(there)} budgets" if len(budgets) < len(there) else ""
    drawn = f"differences paired by seed ({seeds} ticks), mean and 95 % t interval"
    return f"{subject.dataset}: {drawn}{cut}{shared}{thinned}"
