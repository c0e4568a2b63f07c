"""A second scale of every difference: how far random is from an oracle, which chose by the pool's labels."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from benchmark.report.results.random_draws import RANDOM
from benchmark.report.statistics.intervals import t_interval


@dataclass(frozen=True)
class OracleGain:
    """The NAUBC of random minus that of the best oracle that ran, in the mean over seeds that both have.

    What choosing has won once, so that it can be won; a bound from below, where full data bound from above.
    ``mean`` and its 95 % t interval are NaN without a common seed, and ``oracle`` is empty without an oracle.
    """

    oracle: str
    mean: float
    low: float
    high: float
    seeds: int

    def share(self, difference: float) -> float:
        """A difference of NAUBC as a share of it: -1 is as good as the oracle; NaN where it won nothing."""
        return difference / self.mean if self.mean > 0 else math.nan

    def percent(self, difference: float, sign: str = "") -> str:
        """The same in words, with ``sign="+"`` signed; empty where there is no share."""
        share = self.share(difference)
        return "" if math.isnan(share) else f"{100 * share:{sign}.0f} %"


NONE = OracleGain("", math.nan, math.nan, math.nan, 0)


def oracle_gain(areas: pd.DataFrame, oracles: Collection[str]) -> OracleGain:
    """From the NAUBC of every trajectory (columns ``strategy``, ``seed``, ``naubc``) and the oracles' names.

    Of several the best is taken, by its mean; one without a whole curve cannot be.
    """
    table = areas.pivot(index="seed", columns="strategy", values="naubc")
    there = [name for name in sorted(oracles) if name in table and table[name].notna().any()]
    if not there:
        return NONE
    best = min(there, key=lambda name: float(table[name].mean()))
    won = (table[RANDOM] - table[best]).dropna().tolist() if RANDOM in table else []
    if not won:
        return OracleGain(best, math.nan, math.nan, math.nan, 0)
    return OracleGain(best, *t_interval(won), len(won))


def gain_words(gain: OracleGain, places: int) -> str:
    """How much it won and what that says; empty without an oracle."""
    if not gain.oracle:
        return ""
    if not gain.seeds:
        return (
            f"No seed has both random and the oracle {gain.oracle} at every budget: there is no share of it."
        )
    interval = "" if math.isnan(gain.low) else f"95 %: {gain.low:.{places}f} to {gain.high:.{places}f}, "
    seeds = f"{gain.seeds} seed{'s' * (gain.seeds > 1)}"
    said = (
        f"The oracle {gain.oracle} chose by the pool's labels and gained {gain.mean:.{places}f} over random "
        f"({interval}{seeds}): at -100 % a strategy is as good as it. More may be possible."
    )
    if gain.mean <= 0:
        return f"{said} A gain that is not above 0 has no shares: it found nothing that choosing could win."
    return said + (" It may be 0, so shares of it are unsure." if gain.low <= 0 else "")
