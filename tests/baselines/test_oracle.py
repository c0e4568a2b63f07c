"""The true-loss reference: what it is given, what it picks, and that it is marked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

import baselines  # noqa: F401
from strategies.contract import LABELLED, TASKS, Probe, made_up_outputs
from strategies.interface import Pool
from strategies.registry import entries, resolve


def test_scores_are_the_losses_it_is_given():
    losses = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))
    rows = resolve("true-loss").create().measure(replace(made_up_outputs(images=5), true_losses=losses))
    assert torch.equal(torch.stack([rows[task.name] for task in TASKS], 1), losses)


def with_losses(losses, options=""):
    """A pool of images whose losses (N x T) are these."""
    outputs = replace(made_up_outputs(images=len(losses)), true_losses=torch.tensor(losses))
    strategy = resolve(f"true-loss[{options}]").create()
    rows = {name: values.numpy() for name, values in strategy.measure(outputs).items()}
    count = len(losses)
    costs, rng = np.ones(count), np.random.default_rng(0)
    ids = tuple(map(str, range(count)))
    return strategy, Pool(TASKS, ids, np.zeros(0, int), np.arange(count), rows, 0, count, costs, rng)


def test_an_image_without_a_label_is_neither_first_nor_last():
    """A loss of 0 would put all images without a label behind those with one."""
    losses = np.tile(np.arange(1.0, 11.0)[:, None], 4)
    losses[[3, 8], 2] = np.nan
    strategy, pool = with_losses(losses, "task=depth")
    order = strategy.select(pool, 10).indices.tolist()
    assert [image for image in order if image not in (3, 8)] == [9, 7, 6, 5, 4, 2, 1, 0]
    assert {order.index(3), order.index(8)} == {4, 5}
    assert strategy.scores(pool)["depth"][[3, 8]].tolist() == [5.5, 5.5]
    strategy, pool = with_losses(np.full((4, 4), np.nan))
    assert len(strategy.select(pool, 4).indices) == 4, "no label at all"


def test_a_loss_that_is_not_finite_is_not_taken_for_a_missing_label():
    losses = np.ones((3, 4))
    losses[1, 0] = np.inf
    assert not np.isfinite(with_losses(losses)[1].rows["semseg"]).all()


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
    assert marked == {name for name, entry in entries().items() if entry.family in ("reference", "control")}
