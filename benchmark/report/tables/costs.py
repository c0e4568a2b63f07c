"""What strategies cost: seconds of training, evaluation, pool pass and selection, and peak memory."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from benchmark.records.round_store import Round, processor

STAGES = ("train", "evaluate", "observe", "select")


def costs(rounds: Iterable[Round], of_processor: bool = False) -> pd.DataFrame:
    """One row per round: data set, strategy, seed, round, labelled, seconds per stage, ``peak_memory_mb``.

    Seconds as they passed, or ``of_processor``. A stage that did not take place (no selection after the last
    round) is missing.
    """
    rows = [_row(done, of_processor) for done in rounds]
    return pd.DataFrame(rows, columns=[*KEY, *STAGES, "peak_memory_mb"])


def know_processor(rounds: Iterable[Round]) -> bool:
    """Whether every round says what the processor worked for each of its stages; older ones do not."""
    return all(processor(s) in done.seconds for done in rounds for s in STAGES if s in done.seconds)


def mean_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds a round per stage and the largest peak memory, by data set and strategy."""
    groups = table.groupby(["dataset", "strategy"])
    return groups[list(STAGES)].mean().join(groups["peak_memory_mb"].max()).reset_index()


KEY = ["dataset", "strategy", "seed", "round", "labelled"]


def _row(done: Round, of_processor: bool) -> list[object]:
    names = [processor(stage) if of_processor else stage for stage in STAGES]
    stages = [done.seconds.get(name, float("nan")) for name in names]
    key = [done.dataset, done.strategy, done.seed, done.round, done.size]
    return [*key, *stages, done.peak_memory_mb]
