"""Pools for the method, and its scores by METHOD section 1 written anew."""

import numpy as np
from scipy.stats import rankdata

import baselines  # noqa: F401
from strategies.consistency_diversity import VECTOR
from strategies.contract import TASKS
from strategies.interface import Pool
from strategies.registry import resolve

NAMES = [task.name for task in TASKS]


def made(options=""):
    """The method, on the tasks' features side by side unless something else is asked for."""
    if "representation" not in options:
        options = ",".join(filter(None, ["representation=concat", options]))
    return resolve(f"consistency-diversity[{options}]").create()


def side_by_side(rows):
    return np.concatenate([rows[VECTOR + task] for task in NAMES], 1)


def parts(vectors):
    """Vectors as rows of the tasks."""
    split = np.array_split(vectors.astype(np.float32), len(NAMES), axis=1)
    return {VECTOR + task: part for task, part in zip(NAMES, split, strict=True)}


def pool_of(seed, count=60, labelled=7, width=5, seed_of_ties=0):
    """Scores of very different units, vectors with a few duplicates, labelled positions scattered."""
    rng = np.random.default_rng(seed)
    where = rng.permutation(count)
    vectors = rng.standard_normal((count, width))
    vectors[where[-3:]] = vectors[where[:3]]
    scores = rng.gamma(1.0, size=(count, len(NAMES))) * [1, 1e-3, 500, 10]
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:03d}" for n in range(count)),
        labelled=np.sort(where[:labelled]),
        unlabelled=np.sort(where[labelled:]),
        rows={**parts(vectors), **{t: scores[:, n] for n, t in enumerate(NAMES)}},
        round=1,
        budget_left=count - labelled,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed_of_ties),
    )


def by_rank(column):
    return (rankdata(column) - 1) / (len(column) - 1)


def by_zscore(column):
    return (column - np.mean(column)) / np.std(column)


def by_minmax(column):
    low, high = np.quantile(column, 0.01), np.quantile(column, 0.99)
    return np.minimum(np.maximum((column - low) / (high - low), 0), 1)


NORMALISED = {"rank": by_rank, "zscore": by_zscore, "minmax": by_minmax}


def scores_of(pool, how):
    """Section 1: every task normalised over the unlabelled images, then their mean; never below 0."""
    columns = [NORMALISED[how](pool.rows[task][pool.unlabelled]) for task in NAMES]
    mean = np.mean(columns, axis=0)
    return dict(zip(pool.unlabelled.tolist(), mean - min(0, mean.min()), strict=True))
