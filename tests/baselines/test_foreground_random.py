"""Foreground-aware random: foreground by the predictions counted by hand, and draws in proportion to it."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from scipy.stats import chisquare

from baselines._foreground import SHOWN, classes_predicted, foreground_classes, foreground_shares
from baselines.foreground_random import ForegroundRandom, mean_of_levelled
from strategies.choosing import choose
from strategies.contract import TASKS, made_up_outputs

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS
#: Class 2 covers most of this pool, though not of its last image.
SHARES = np.array([[0.1, 0, 0.9, 0, 0], [0.2, 0.1, 0.7, 0, 0], [0, 0, 0.5, 0.5, 0], [0.6, 0.3, 0.1, 0, 0]])
SALIENT = np.array([0.0, 0.1, 0.3, 0.4])


def rows(shares=SHARES, salient=SALIENT):
    return {SHOWN + "semseg": shares, SHOWN + "saliency": np.stack([1 - salient, salient], 1)}


def test_what_an_image_shows_is_the_mean_probability_over_pixels():
    outputs = made_up_outputs(images=3)
    shown = classes_predicted(outputs)
    p = softmax(outputs.refined["semseg"].double().numpy(), 1).mean((2, 3))
    np.testing.assert_allclose(shown[SHOWN + "semseg"], p, rtol=1e-5)
    yes = expit(outputs.refined["saliency"].double().numpy())[:, 0].mean((1, 2))
    np.testing.assert_allclose(shown[SHOWN + "saliency"], np.stack([1 - yes, yes], 1), rtol=1e-5)
    assert set(shown) == {SHOWN + "semseg", SHOWN + "saliency"}


def test_the_background_covers_most_of_the_pool_and_of_yes_and_no_it_is_no():
    assert foreground_classes(SEMSEG, SHARES).tolist() == [0, 1, 3, 4]
    assert foreground_classes(SALIENCY, np.array([[0.1, 0.9]])).tolist() == [1]
    assert foreground_classes(SEMSEG, np.ones((4, 1))).tolist() == [0], "an only class is no background"


def test_shares_are_of_all_but_the_background(pool_of):
    expected = np.stack([[0.1, 0.3, 0.5, 0.9], SALIENT], 1)
    np.testing.assert_allclose(foreground_shares(pool_of(rows())), expected)


def test_tasks_weigh_the_same_however_little_of_an_image_is_their_foreground():
    columns = np.array([[0.9, 0.001], [0.3, 0.003]])
    np.testing.assert_allclose(mean_of_levelled(columns), [(1.5 + 0.5) / 2, (0.5 + 1.5) / 2])
    np.testing.assert_allclose(mean_of_levelled(np.array([[0.0, 2.0], [0.0, 6.0]])), [0.25, 0.75])


def test_the_first_is_drawn_in_proportion_to_the_foreground(pool_of):
    weights = (np.array([0.1, 0.3, 0.5, 0.9]) / 0.45 + SALIENT / 0.2) / 2
    first = [ForegroundRandom(share=1).select(pool_of(rows(), seed=s), 1).indices[0] for s in range(1000)]
    assert chisquare(np.bincount(first, minlength=4), 1000 * weights / weights.sum()).pvalue > 1e-3


def test_the_rest_of_the_budget_is_uniform(pool_of):
    """Ten images, one with all the foreground: it comes first, the others in any order."""
    salient = np.zeros(10)
    salient[4] = 1
    pools = [pool_of({SHOWN + "saliency": np.stack([1 - salient, salient], 1)}, seed=s) for s in range(400)]
    chosen = np.array([ForegroundRandom(share=0.5).select(pool, 2).indices for pool in pools])
    assert (chosen[:, 0] == 4).all()
    counts = np.delete(np.bincount(chosen[:, 1], minlength=10), 4)
    assert chisquare(counts).pvalue > 1e-3


def test_no_share_is_uniform_and_no_foreground_at_all_is_no_nan(pool_of):
    plain = {
        ForegroundRandom(share=0).select(pool_of(rows(), seed=s), 1).indices[0].item() for s in range(60)
    }
    none = rows(np.eye(5)[[2, 2, 2, 2]], np.zeros(4))
    drawn = {ForegroundRandom().select(pool_of(none, seed=s), 1).indices[0].item() for s in range(60)}
    assert plain == drawn == {0, 1, 2, 3}


def test_labelled_images_do_not_level_the_others(pool_of):
    pool = pool_of(rows(), labelled=[3])
    chosen = choose(ForegroundRandom(), "foreground-random", pool, 3)
    assert sorted(chosen.indices.tolist()) == [0, 1, 2]


def test_tasks_without_a_foreground_and_shares_of_no_meaning_are_refused():
    with pytest.raises(ValueError, match="categorical and binary tasks alone have a foreground, and depth"):
        ForegroundRandom().check((DEPTH, NORMALS))
    ForegroundRandom().check((DEPTH, SALIENCY))
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        ForegroundRandom(share=1.2)


def test_a_network_of_nan_shows():
    outputs = made_up_outputs(images=2).mapped(lambda tensor: torch.full_like(tensor, float("nan")))
    assert all(shown.isnan().all() for shown in classes_predicted(outputs).values())
