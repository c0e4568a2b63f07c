"""What was selected: how much the choices of strategies overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd

from benchmark.records.round_store import FULL_DATA, Round
from strategies.reference import without_draw

#: Ids chosen by a strategy after the first set, by (strategy, seed, labelled images).
Chosen = Mapping[tuple[str, int, int], frozenset[str]]
#: The same at one budget by strategy and seed, a set for each draw.
Sets = dict[str, dict[int, list[frozenset[str]]]]


def chosen_images(rounds: Iterable[Round]) -> dict[tuple[str, int, int], frozenset[str]]:
    """What each trajectory of one data set had chosen at each budget, the shared first set left out."""
    learned = [done for done in rounds if done.strategy != FULL_DATA]
    first = {(r.strategy, r.seed): frozenset(r.labelled) for r in learned if r.round == 0}
    return {
        (r.strategy, r.seed, r.size): frozenset(r.labelled) - first[r.strategy, r.seed]
        for r in learned
        if r.round > 0 and (r.strategy, r.seed) in first
    }


def overlap(chosen: Chosen, labelled: int) -> pd.DataFrame:
    """Mean Jaccard index of what two strategies chose by a budget, over the seeds that both have.

    Strategies by strategies; 1 is the same images, NaN no common seed. The diagonal compares seeds of one
    strategy, not a strategy with itself: what remains when only the first set and the training differ. Of
    random each draw counts.
    """
    sets: Sets = defaultdict(lambda: defaultdict(list))
    for (strategy, seed, size), ids in sorted(chosen.items()):
        if size == labelled:
            sets[without_draw(strategy)][seed].append(ids)
    names = sorted(sets)
    values = [[_mean_jaccard(sets, one, other) for other in names] for one in names]
    return pd.DataFrame(values, index=names, columns=names)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of the intersection over size of the union (Jaccard 1912); 1 for two empty sets."""
    union = one | other
    return len(one & other) / len(union) if union else 1.0


def overlap_by_chance(selected: int, unlabelled: int) -> float:
    """About the Jaccard index of two independent random choices of ``selected`` among ``unlabelled`` images.

    The ratio of the expected intersection and union: n / (2 N - n).
    """
    return selected / (2 * unlabelled - selected)


def _mean_jaccard(sets: Sets, one: str, other: str) -> float:
    if one == other:
        groups = list(combinations(sets[one].values(), 2))
    else:
        groups = [(ids, sets[other][seed]) for seed, ids in sets[one].items() if seed in sets[other]]
    pairs = [pair for group in groups for pair in product(*group)]
    return float(np.mean([jaccard(*pair) for pair in pairs])) if pairs else float("nan")
