"""Inconsistency alone: the scores of the method, the choice of a strategy of scores."""

import numpy as np
import pytest
from scipy.stats import rankdata

import baselines  # noqa: F401
from strategies.contract import LABELLED, TASKS, Probe, made_up_outputs
from strategies.registry import RegistryError, resolve


@pytest.mark.parametrize("measure", ["divergence", "loss"])
def test_its_scores_are_those_of_the_method(measure):
    alone, method = (
        Probe(resolve(f"{name}[measure={measure}]")).measured(made_up_outputs())
        for name in ("inconsistency", "consistency-diversity")
    )
    assert list(alone) == [task.name for task in TASKS]
    for task, scores in alone.items():
        np.testing.assert_array_equal(scores, method[task])


def test_the_measures_differ():
    one, two = (
        Probe(resolve(f"inconsistency[measure={measure}]")).measured(made_up_outputs())
        for measure in ("divergence", "loss")
    )
    assert not np.allclose(one["semseg"], two["semseg"])
    with pytest.raises(RegistryError, match="measure must be divergence or loss"):
        resolve("inconsistency[measure=entropy]")


@pytest.mark.parametrize("measure", ["divergence", "loss"])
def test_the_highest_mean_rank_is_chosen(measure):
    probe = Probe(resolve(f"inconsistency[measure={measure}]"))
    pool = probe.pool()
    total = sum(rankdata(pool.rows[task.name][LABELLED:]) for task in TASKS)
    chosen = probe.choose(pool, 6).indices - LABELLED
    np.testing.assert_array_equal(total[chosen], np.sort(total)[::-1][:6])


def test_it_has_no_companion_no_views_and_no_loss_weights():
    strategy = resolve("inconsistency").create()
    assert strategy.views == ()
    assert strategy.companion(None) is None
    assert strategy.loss_weights(np.ones((3, 4))) is None
