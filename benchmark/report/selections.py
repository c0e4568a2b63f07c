"""What was selected: how much the choices of strategies overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from benchmark.store import FULL_DATA, Round

#: Ids chosen by a strategy after the first set, by (strategy, seed, labelled images).
Chosen = Mapping[tuple[str, int, int], frozenset[str]]


def chosen_images(rounds: Iterable[Round]) -> dict[tuple[str, int, int], frozenset[str]]:
    """What each trajectory of one data set had chosen at each budget, the shared first set left out."""
    learned = [done for done in rounds if done.strategy != FULL_DATA]
    first = {(r.strategy, r.seed): frozenset(r.labelled) for r in learned if r.round == 0}
    return {
        (r.strategy, r.seed, len(r.labelled)): frozenset(r.labelled) - first[r.strategy, r.seed]
        for r in learned
        if r.round > 0 and (r.strategy, r.seed) in first
    }


def overlap(chosen: Chosen, labelled: int) -> pd.DataFrame:
    """Mean Jaccard index of what two strategies chose by a budget, over the seeds that both have.

    Strategies by strategies; 1 is the same images, NaN no common seed. The diagonal compares seeds of one
    strategy, not a strategy with itself: what remains when only the first set and the training differ.
    """
    names = sorted({strategy for strategy, _, size in chosen if size == labelled})
    sets = {(name, seed): ids for (name, seed, size), ids in chosen.items() if size == labelled}
    values = [[_mean_jaccard(sets, one, other) for other in names] for one in names]
    return pd.DataFrame(values, index=names, columns=names)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of the intersection over size of the union (Jaccard 1912); 1 for two empty sets."""
    union = one | other
    return len(one & other) / len(union) if union else 1.0


def _mean_jaccard(sets: Mapping[tuple[str, int], frozenset[str]], one: str, other: str) -> float:
    pairs = [
        jaccard(mine, theirs)
        for (name, seed), mine in sets.items()
        for (another, their_seed), theirs in sets.items()
        if (name, another) == (one, other) and (seed < their_seed if one == other else seed == their_seed)
    ]
    return float(np.mean(pairs)) if pairs else float("nan")
