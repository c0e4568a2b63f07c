"""Power, softmax and soft-rank: what is drawn first and second against the exact probabilities."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare, rankdata

import baselines  # noqa: F401
from strategies.contract import TASKS
from strategies.interface import Pool
from strategies.registry import RegistryError, resolve

NAMES = ("power", "softmax", "soft-rank")
SCORES = np.array([3.0, 9.0, 5.0, 4.0, 8.0, 6.0])
DRAWS = 1000


def pool_of(rows, labelled=0, seed=0):
    count = len(next(iter(rows.values())))
    return Pool(
        tasks=TASKS,
        ids=tuple(f"i{n:02d}" for n in range(count)),
        labelled=np.arange(labelled),
        unlabelled=np.arange(labelled, count),
        rows=rows,
        round=0,
        budget_left=count,
        costs=np.full((count, len(TASKS)), 1 / len(TASKS)),
        rng=np.random.default_rng(seed),
    )


def select(name, rows, budget, labelled=0, seed=0):
    return resolve(name).create().select(pool_of(rows, labelled, seed), budget).indices.tolist()


def drawn(name, rows, budget):
    """How often which images were chosen, in order."""
    strategy, pool = resolve(name).create(), pool_of(rows)
    return Counter(tuple(strategy.select(pool, budget).indices.tolist()) for _ in range(DRAWS))


def rescaled(scores):
    """1st..99th percentile to 0..1, clipped."""
    low, high = np.quantile(scores, [0.01, 0.99])
    return np.minimum(1, np.maximum(0, (scores - low) / (high - low)))


def probabilities(kind, beta, scores):
    """Of being drawn first, from what the paper says of one task's scores."""
    weights = {
        "power": lambda: rescaled(scores) ** beta,
        "softmax": lambda: np.exp(beta * rescaled(scores)),
        "soft-rank": lambda: rankdata(-scores) ** -beta,
    }[kind]()
    return weights / weights.sum()


def assert_fits(counts, expected):
    possible = {outcome: p for outcome, p in expected.items() if p > 0}
    assert set(counts) <= set(possible), "what has no chance was drawn"
    observed = [counts[outcome] for outcome in possible]
    assert chisquare(observed, DRAWS * np.array(list(possible.values()))).pvalue > 1e-3


@pytest.mark.parametrize("beta", [0.5, 1, 4])
@pytest.mark.parametrize("kind", NAMES)
def test_the_first_is_drawn_with_the_exact_probabilities(kind, beta):
    expected = probabilities(kind, beta, SCORES)
    counts = drawn(f"{kind}[beta={beta}]", {"depth": SCORES}, 1)
    assert_fits(counts, {(image,): p for image, p in enumerate(expected)})


@pytest.mark.parametrize("kind", NAMES)
def test_the_second_is_drawn_among_those_left(kind):
    p = probabilities(kind, 1, SCORES[:4])
    counts = drawn(kind, {"depth": SCORES[:4]}, 2)
    assert_fits(counts, {(i, j): p[i] * p[j] / (1 - p[i]) for i in range(4) for j in range(4) if i != j})


def test_several_tasks_are_brought_to_one_scale_before_their_mean():
    rows = {"depth": SCORES, "semseg": np.array([0.2, 0.1, 0.9, 0.4, 0.3, 0.1])}
    mean = (rescaled(rows["depth"]) + rescaled(rows["semseg"])) / 2
    assert_fits(drawn("power", rows, 1), {(i,): p for i, p in enumerate(mean / mean.sum())})


def test_soft_rank_takes_the_place_by_the_mean_rank():
    rows = {"depth": SCORES, "semseg": np.array([0.2, 0.1, 0.9, 0.4, 0.3, 0.1])}
    place = rankdata(-sum(rankdata(scores) for scores in rows.values()))
    expected = 1 / place / (1 / place).sum()
    assert_fits(drawn("soft-rank", rows, 1), {(i,): p for i, p in enumerate(expected)})


@pytest.mark.parametrize("kind", NAMES)
def test_equal_scores_are_drawn_uniformly(kind):
    counts = drawn(kind, {"depth": np.full(5, 7.0)}, 1)
    assert_fits(counts, {(image,): 0.2 for image in range(5)})


def test_under_power_images_of_score_zero_come_last_in_random_order():
    """Regression: log(0) plus noise must not be NaN, which would sort anywhere."""
    scores = np.array([0.0, 5, 0, 6, 0, 7, 0])
    orders = {tuple(select("power", {"depth": scores}, 7, seed=seed)) for seed in range(60)}
    assert all(set(order[:3]) == {1, 3, 5} for order in orders)
    assert {order[3] for order in orders} == {0, 2, 4, 6}
    assert {order[0] for order in orders} == {1, 3, 5}


@pytest.mark.parametrize("kind", NAMES)
def test_a_large_beta_takes_the_highest_scores_in_order(kind):
    scores = np.random.default_rng(1).random(40)
    middle = np.argsort(-scores)[1:20].tolist()  # beyond the percentiles scores are alike
    assert select(f"{kind}[beta=1000000]", {"depth": scores}, 20)[1:] == middle


def test_soft_rank_with_a_large_beta_is_its_base():
    rng = np.random.default_rng(2)
    rows = {task.name: rng.random(30) for task in TASKS}
    base = select("entropy", rows, 10, labelled=4)
    assert select("soft-rank[base=entropy,beta=1000000]", rows, 10, labelled=4) == base


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_the_scale_of_a_task_does_not_matter(kind, task):
    """Regression: a peer adds raw scores of different scales."""
    rng = np.random.default_rng(3)
    rows = {each.name: rng.random(30) for each in TASKS}
    louder = {**rows, task: rows[task] * 1024 - 512}
    assert select(kind, rows, 10, labelled=4) == select(kind, louder, 10, labelled=4)


@pytest.mark.parametrize("kind", NAMES)
def test_labelled_images_neither_count_nor_are_chosen(kind):
    scores = np.random.default_rng(4).random(30)
    other = scores.copy()
    other[:5] = 1e6
    one, two = (select(kind, {"depth": each}, 25, labelled=5) for each in (scores, other))
    assert one == two
    assert sorted(one) == list(range(5, 30))


@pytest.mark.parametrize("kind", NAMES)
def test_one_image_left_is_taken(kind):
    assert select(kind, {"depth": SCORES}, 1, labelled=5) == [5]


@pytest.mark.parametrize("kind", NAMES)
def test_scores_handed_on_are_those_of_the_base(kind):
    selection = resolve(f"{kind}[base=margin]").create().select(pool_of({"semseg": SCORES}), 2)
    np.testing.assert_array_equal(selection.scores, np.stack([SCORES, *[np.zeros(6)] * 3], 1))


@pytest.mark.parametrize("beta", ["0", "-1"])
@pytest.mark.parametrize("kind", NAMES)
def test_a_beta_of_no_meaning_is_refused(kind, beta):
    with pytest.raises(RegistryError, match="beta must be more than 0"):
        resolve(f"{kind}[beta={beta}]").create()
