"""The reference of every difference: random selection, one value a seed and budget, the mean of its draws."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pandas as pd

from strategies.reference import REFERENCE, is_draw

RANDOM = REFERENCE
#: What the mean over draws is taken within.
WITHIN = ["dataset", "seed", "labelled", "task", "metric"]


def with_one_reference(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows, all draws of random as one strategy ``random``; rows without further draws as they are.

    Its value is the mean over the draws that have one there; missing where none has. A seed's draws share
    the first labelled set and its network, so they are equal there, bit for bit, and so is their mean.
    """
    draws = rows["strategy"].map(is_draw).astype(bool)
    if set(rows.loc[draws, "strategy"]) <= {RANDOM}:
        return rows
    whole = pd.concat([rows[~draws], _means(rows[draws])])
    return whole.sort_values(["strategy", *WITHIN], kind="stable", ignore_index=True)[rows.columns]


def reference(rows: pd.DataFrame) -> pd.DataFrame:
    """The reference alone: a row per data set, seed, budget, task and metric, ``value`` the mean over draws.

    Empty where random is not among the strategies.
    """
    one = with_one_reference(rows)
    return one[one["strategy"] == RANDOM]


def draws_of(rows: pd.DataFrame) -> pd.DataFrame:
    """How many draws of random each seed has at each budget: ``seed``, ``labelled``, ``draws``."""
    there = rows[rows["strategy"].map(is_draw).astype(bool)].dropna(subset="value")
    counts = there.groupby(["seed", "labelled"])["strategy"].nunique()
    return counts.rename("draws").reset_index()


def label(name: str, draws: int) -> str:
    """What tables and figures call a strategy, where random is a mean of so many draws."""
    return f"{name} (mean of {draws} draws)" if name == RANDOM and draws > 1 else name


def incomplete_draws(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence on the seeds of one data set's rows that have fewer draws of random than others; or none."""
    counts = draws_of(rows)
    most = int(counts["draws"].max()) if len(counts) else 0
    few = counts[counts["draws"] < most].sort_values(["seed", "labelled"]).to_numpy().tolist()
    parts = [_of_seed(seed, [cell[1:] for cell in cells]) for seed, cells in groupby(few, lambda c: c[0])]
    if parts:
        yield f"{RANDOM} is the mean of {most} draws a seed, or of those there are yet: {'; '.join(parts)}."


def _of_seed(seed: int, cells: list[list[int]]) -> str:
    listed = ", ".join(f"{draws} at {labelled} labels" for labelled, draws in cells)
    return f"seed {seed} ({listed})"


def _means(draws: pd.DataFrame) -> pd.DataFrame:
    """One row per ``WITHIN``: its other columns are the first draw's."""
    groups = draws.sort_values([*WITHIN, "strategy"]).groupby(WITHIN, sort=False)
    low = groups["value"].transform("min")
    mean = groups["value"].min() + (draws["value"] - low).groupby([draws[c] for c in WITHIN]).mean()
    return groups.first().assign(value=mean, strategy=RANDOM).reset_index()
