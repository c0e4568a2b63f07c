"""How far the trajectories in a folder of results are. Imports no torch."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from benchmark.config import budget_counts, validated
from benchmark.errors import UserError
from benchmark.run import ENVIRONMENT, EXPERIMENT, read_yaml
from benchmark.store import FULL_DATA, Store
from strategies.registry import resolve


def status_table(folder: Path) -> str:
    """One line a trajectory: rounds done of rounds planned. Raises UserError for a folder without results."""
    if not (folder / EXPERIMENT).is_file() or not (folder / ENVIRONMENT).is_file():
        raise UserError(
            f"{folder} holds no results: {EXPERIMENT} is written there by `mtal run --out {folder}`."
        )
    experiment = validated(read_yaml(folder / EXPERIMENT), str(folder / EXPERIMENT))
    rounds = len(budget_counts(experiment.budgets, _pool_size(folder / ENVIRONMENT)))
    done = Counter((r.strategy, r.seed) for r in Store(folder).rounds())
    names = [resolve(strategy).name for strategy in experiment.strategies]
    planned = [(name, seed, rounds) for name in names for seed in experiment.seeds]
    planned += [(FULL_DATA, seed, 1) for seed in experiment.seeds if experiment.full_data]
    finished = sum(min(done[name, seed], count) for name, seed, count in planned)
    lines = [f"{done[name, seed]} of {count} rounds  {name}, seed {seed}" for name, seed, count in planned]
    return "\n".join([*lines, f"{finished} of {sum(count for *_, count in planned)} rounds in all"])


def _pool_size(file: Path) -> int:
    try:
        return int(json.loads(file.read_text(encoding="utf-8"))["data"]["pool"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not as `mtal run` writes it: {type(error).__name__}: {error}.") from None
