"""What strategies cost: seconds of training, evaluation, pool pass and selection, and peak memory."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from benchmark.store import Round

STAGES = ("train", "evaluate", "observe", "select")


def costs(rounds: Iterable[Round]) -> pd.DataFrame:
    """One row per round: data set, strategy, seed, round, labelled, seconds per stage, ``peak_memory_mb``.

    A stage that did not take place (no selection after the last round) is missing.
    """
    return pd.DataFrame([_row(done) for done in rounds], columns=[*KEY, *STAGES, "peak_memory_mb"])


def mean_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds a round per stage and the largest peak memory, by data set and strategy."""
    groups = table.groupby(["dataset", "strategy"])
    return groups[list(STAGES)].mean().join(groups["peak_memory_mb"].max()).reset_index()


KEY = ["dataset", "strategy", "seed", "round", "labelled"]


def _row(done: Round) -> list[object]:
    stages = [done.seconds.get(stage, float("nan")) for stage in STAGES]
    key = [done.dataset, done.strategy, done.seed, done.round, len(done.labelled)]
    return [*key, *stages, done.peak_memory_mb]
