"""The true-loss reference: what it is given, what it picks, and that it is marked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

import baselines  # noqa: F401
from strategies.contract import LABELLED, TASKS, Probe, made_up_outputs
from strategies.registry import entries, resolve


def test_scores_are_the_losses_it_is_given():
    losses = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))
    rows = resolve("true-loss").create().measure(replace(made_up_outputs(images=5), true_losses=losses))
    assert list(rows) == [task.name for task in TASKS]
    assert torch.equal(torch.stack(list(rows.values()), 1), losses)


def test_the_highest_mean_rank_is_chosen():
    probe = Probe(resolve("true-loss"))
    pool = probe.pool()
    total = sum(rankdata(pool.rows[task.name][LABELLED:]) for task in TASKS)
    chosen = probe.choose(pool, 6).indices - LABELLED
    np.testing.assert_array_equal(total[chosen], np.sort(total)[::-1][:6])


def test_one_task_s_loss_may_decide():
    probe = Probe(resolve("true-loss[task=normals]"))
    pool = probe.pool()
    highest = np.argsort(-pool.rows["normals"][LABELLED:])[:4] + LABELLED
    assert probe.choose(pool, 4).indices.tolist() == highest.tolist()


def test_without_losses_it_says_so():
    with pytest.raises(ValueError, match="true-loss needs the labels' losses"):
        resolve("true-loss").create().measure(made_up_outputs())


def test_it_is_a_reference_and_so_is_all_that_is_built_on_it():
    """Regression: labels within a strategy's reach; only a strategy marked so is given any."""
    assert entries()["true-loss"].family == "reference"
    assert resolve("true-loss").create().reference
    assert resolve("power[base=density[base=true-loss]]").create().reference
    marked = {name for name, entry in entries().items() if entry.make().reference}
    assert marked == {name for name, entry in entries().items() if entry.family == "reference"}
