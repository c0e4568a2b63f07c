"""The scale of every difference: how far random is from what all labels would give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.naubc import naubc
from benchmark.report.statistics.paired_tests import Comparison

#: The definition in words, for captions and the protocol.
DEFINITION = (
    "the NAUBC of random minus that of a curve which begins like random and has the full-data loss of its "
    "seed at every later budget"
)


@dataclass(frozen=True)
class FullDataGap:
    """What choosing could win at most: the NAUBC of random minus its floor, in the unit of the loss.

    The floor of a seed is the NAUBC of a curve that starts at the loss of the first budget, which all
    strategies share and none can change, and has the loss of the full-data network of that seed at every
    later budget. ``mean`` and its 95 % t interval are over the ``seeds`` that have a whole curve of random
    and a full-data loss; NaN without any. ``at`` is how far random is above full data at each budget after
    the first, in the mean over the same seeds: the gap is the NAUBC of those, with 0 at the first budget.

    Shares divide by the mean, which is a change of unit: an interval in shares leaves 0 out exactly where the
    one in losses does. How sure the unit itself is, its own interval says.
    """

    mean: float
    low: float
    high: float
    seeds: int
    at: Mapping[int, float]
    #: The gap of each seed.
    by_seed: Mapping[int, float] = field(default_factory=dict)

    def share(self, difference: float, budget: int | None = None) -> float:
        """A difference of NAUBC, or of losses at a budget, as a share of the gap; NaN where none is above 0.

        At -1 lies the floor, which is the full-data loss.
        """
        gap = self.mean if budget is None else self.at.get(budget, math.nan)
        return difference / gap if gap > 0 else math.nan

    def percent(self, difference: float, sign: str = "", budget: int | None = None) -> str:
        """The same in words, with ``sign="+"`` signed; empty where there is no gap."""
        share = self.share(difference, budget)
        return "" if math.isnan(share) else f"{100 * share:{sign}.0f} %"


def full_data_gap(random: pd.DataFrame, full: pd.Series) -> FullDataGap:
    """The gap from the losses of random (seeds x rising budgets, no gaps) and the full-data loss by seed."""
    seeds = random.index.intersection(full.index)
    above = random.loc[seeds].sub(full.loc[seeds], axis="index")
    if above.empty or above.shape[1] < 2:  # one budget has no curve
        return FullDataGap(math.nan, math.nan, math.nan, 0, {})
    above[above.columns[0]] = 0.0  # shared: no strategy can change it
    budgets = [int(size) for size in above.columns]
    gaps = [naubc(budgets, row) for row in above.to_numpy().tolist()]
    at = {size: float(above[size].mean()) for size in budgets[1:]}
    by_seed = {int(seed): gap for seed, gap in zip(above.index, gaps, strict=True)}
    return FullDataGap(*t_interval(gaps), len(gaps), at, by_seed)


def gap_words(gap: FullDataGap, places: int) -> str:
    """How large the gap is and what it is, or why there is none."""
    if math.isnan(gap.mean):
        return (
            "No difference is given as a share of the gap to full data: no seed has both random at every "
            "budget and the network trained on everything."
        )
    size, seeds = f"{gap.mean:.{places}f}", f"{gap.seeds} seed{'s' * (gap.seeds > 1)}"
    interval = "" if math.isnan(gap.low) else f"95 %: {gap.low:.{places}f} to {gap.high:.{places}f}, "
    unsure = " It may be 0, so shares of it are unsure." if gap.low <= 0 < gap.mean else ""
    none = "" if gap.mean > 0 else " A gap that is not above 0 has no shares."
    return f"The gap to full data is {DEFINITION}: {size} ({interval}{seeds}).{unsure}{none}"


def room(gap: FullDataGap, found: Sequence[Comparison], places: int) -> str | None:
    """A sentence without a stop where the gap is smaller than what could be detected; None where it is not.

    It speaks of gains: a loss against random has no such bound.
    """
    if gap.mean <= 0:
        return (
            "No room: after the first budget random has no higher losses than the network trained on "
            f"everything (gap to full data {gap.mean:.{places}f}), so choosing could win nothing here"
        )
    sizes = [one.detectable for one in found if not math.isnan(one.detectable)]
    short = [size for size in sizes if size > gap.mean]
    if not short:  # no gap is known, or no test is made, or all could be shown
        return None
    most = (
        f"having the full-data loss at every budget after the first would gain {gap.mean:.{places}f} of NAUBC"
    )
    if len(short) < len(sizes):
        which = f"for {len(short)} of {len(sizes)} strategies these seeds could not have shown that much"
        return f"Little room: {most}, and {which}"
    return f"No room: {most}, and these seeds could show no less than {min(sizes):.{places}f}"
