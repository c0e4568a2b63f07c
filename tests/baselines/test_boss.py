"""The oracle takes the best of what strategies propose, by the judge's word alone, and says what it took."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines  # noqa: F401
from strategies.choosing import choose
from strategies.interface import Judged, Known
from strategies.probe import TASKS
from strategies.registry import RegistryError, resolve

CHEAP = "bases=random+core-set"


class Asked:
    """A judge who writes down what it is asked; what images add to the loss is known."""

    def __init__(self, worth):
        self.worth, self.batches, self.lengths = worth, [], set()

    def __call__(self, chosen, length):
        self.batches.append(frozenset(chosen.tolist()))
        self.lengths.add(length)
        return Judged(float(self.worth[np.sort(chosen)].sum()), 2.0)


def pool_with(pool_of, count, labelled=(), seed=0):
    vectors = np.random.default_rng(7).standard_normal((count, 3))
    pool = pool_of({"core-set: vector": vectors.astype(np.float32)}, labelled)
    judge = Asked(np.random.default_rng(1).random(count))
    return replace(pool, rng=np.random.default_rng(seed), known=Known(judge=judge)), judge


def selected(pool, budget, options=CHEAP):
    return choose(resolve(f"boss[{options}]").create(), "boss", pool, budget)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.integers(0, 999), st.integers(1, 8), st.integers(1, 12))
def test_the_best_of_all_that_was_judged_is_chosen(pool_of, seed, budget, candidates):
    pool, judge = pool_with(pool_of, 30, [3, 5, 9], seed)
    chosen = selected(pool, budget, f"candidates={candidates},{CHEAP}")
    assert len(judge.batches) == candidates
    assert all(len(batch) == budget and not batch & {3, 5, 9} for batch in judge.batches)
    losses = [sum(judge.worth[sorted(batch)]) for batch in judge.batches]
    assert set(chosen.indices.tolist()) == judge.batches[int(np.argmin(losses))]
    assert chosen.notes["loss"] == pytest.approx(min(losses))
    assert chosen.notes["mean loss"] == pytest.approx(np.mean(losses))
    for turn, name in enumerate(["random", "core-set"][:candidates]):
        assert chosen.notes[f"loss of {name}"] == pytest.approx(min(losses[turn::2]))
    assert chosen.notes["trainings"] == len(set(judge.batches))
    assert chosen.notes["processor seconds"] == 2.0 * len(set(judge.batches))


def test_more_batches_are_never_worse(pool_of):
    """Those of fewer are the first of them."""
    losses = [
        selected(pool_with(pool_of, 60)[0], 5, f"candidates={count},{CHEAP}").notes["loss"]
        for count in (2, 8, 40)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[2] < losses[0]


def test_a_strategy_s_batches_differ_because_each_is_of_other_images(pool_of):
    """Greedy k-center of one pool is one choice."""
    pool, judge = pool_with(pool_of, 60, [0])
    selected(pool, 4, "bases=core-set,candidates=12")
    assert len(set(judge.batches)) > 6
    pool, judge = pool_with(pool_of, 60, [0])
    selected(pool, 4, "bases=core-set,candidates=6,smallest=1")
    alone = replace(pool, rows={"vector": pool.rows["core-set: vector"]})
    assert set(judge.batches) == {frozenset(choose(resolve("core-set").create(), "", alone, 4).indices)}


def test_each_training_is_as_long_as_was_asked(pool_of):
    pool, judge = pool_with(pool_of, 20)
    selected(pool, 3, f"length=0.2,{CHEAP}")
    assert judge.lengths == {0.2}
    assert resolve(f"boss[length=0.2,candidates=7,{CHEAP}]").create().judgements == (0.2,) * 7


def test_the_same_losses_leave_it_to_chance(pool_of):
    firsts = set()
    for seed in range(8):
        pool, judge = pool_with(pool_of, 40, seed=seed)
        judge.worth = np.zeros(40)
        chosen = frozenset(selected(pool, 3, "bases=random,candidates=5").indices.tolist())
        firsts.add(judge.batches.index(chosen))
    assert len(firsts) > 1


def test_its_parts_may_be_references_but_no_oracles(pool_of):
    strategy = resolve("boss[bases=random+known-classes+true-loss]").create()
    assert strategy.reference
    assert strategy.knows == ("classes", "usefulness")
    assert resolve("boss").create().knows == ("usefulness",)
    with pytest.raises(RegistryError, match="an oracle itself"):
        resolve("boss[bases=random+boss]").create()


def test_the_default_works_with_tasks_of_any_kind():
    for task in TASKS:
        resolve("boss").create().check((task,))


@pytest.mark.parametrize("value", ["candidates=0", "length=0", "length=1.5", "smallest=0", "smallest=2"])
def test_values_out_of_range_are_refused(value):
    with pytest.raises(RegistryError, match="boss: candidates must be at least 1"):
        resolve(f"boss[{value}]").create()


def test_without_a_judge_it_says_so(pool_of):
    pool, _ = pool_with(pool_of, 9)
    with pytest.raises(ValueError, match="boss needs somebody who judges"):
        resolve(f"boss[{CHEAP}]").create().select(replace(pool, known=Known()), 2)
