"""Values by which strategies stand in one order although some lack seeds: easy seeds put nobody first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report.results.random_draws import RANDOM


def comparable(values: pd.DataFrame, at: Sequence[str] = ("seed",)) -> pd.DataFrame:
    """The rows of one data set with a ``value`` whose means over seeds compare, strategy by strategy.

    Where random is, it is taken off at the same place (``at``: seed, or seed and budget), which changes no
    order of strategies that have all seeds. Without it, one that lacks seeds has no value.
    """
    level = values[values["strategy"] == RANDOM].dropna(subset="value").set_index(list(at))["value"]
    if level.empty:
        return values[values["strategy"].isin(_complete(values))]
    own = pd.MultiIndex.from_frame(values[list(at)]) if len(at) > 1 else pd.Index(values[at[0]])
    return values.assign(value=values["value"].to_numpy() - level.reindex(own).to_numpy())


def short_note(has_random: bool) -> str:
    """What ``[n = ..]`` says, wherever rows of fewer seeds stand among others."""
    rule = "sorted by their difference to random in the seeds that both have" if has_random else "last"
    return (
        "[n = ..] is a mean of fewer seeds, never marked: means over different seeds do not compare, and "
        f"such rows are {rule}."
    )


def _complete(values: pd.DataFrame) -> set[str]:
    """The strategies that have all seeds that any has."""
    seeds = values.dropna(subset="value").groupby("strategy")["seed"].nunique()
    return set(seeds.index[seeds == seeds.max()])
