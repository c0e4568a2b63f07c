"""Class-stratified: scores of a class pixel by pixel, and whose turn it is, with noise that has died down."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy as shannon

import baselines  # noqa: F401
from baselines._foreground import SHOWN
from baselines.class_stratified import CONTENT, UNSURE, content, in_bins, unsure_of
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.registry import RegistryError, resolve

SEMSEG, SALIENCY, DEPTH, NORMALS = TASKS
SURE = "beta=1000000"  # the noise has died down


def scored_rows(score, shown, unsure=None):
    """Rows of semseg alone."""
    shown = np.asarray(shown, float)
    return {"semseg": np.asarray(score, float), SHOWN + "semseg": shown, UNSURE + "semseg": unsure or shown}


def picks(pool, budget, **values):
    inside = ",".join(f"{name}={value}" for name, value in values.items())
    strategy = resolve(f"class-stratified[base=margin,{SURE},{inside}]" if inside else "class-stratified")
    return strategy.create().select(pool, budget).indices.tolist()


def test_a_class_is_scored_as_in_the_authors_code_by_entropy_times_probability():
    """Base entropy: the product of score and share is the mean over pixels, over log C."""
    outputs = made_up_outputs(images=3)
    named = resolve("class-stratified")
    rows = Probe(named).measured(outputs)
    p = softmax(outputs.refined["semseg"].double().numpy(), 1)
    expected = (shannon(p, axis=1)[:, None] * p).mean((2, 3)) / np.log(5)
    np.testing.assert_allclose(rows["semseg"][:, None] * rows[UNSURE + "semseg"], expected, rtol=1e-4)


def test_an_image_that_is_sure_has_the_shares_that_it_shows():
    p = torch.zeros(1, 3, 2, 2)
    p[0, 0, 0], p[0, 2, 1] = 1, 1
    assert unsure_of(p).tolist() == [[0.5, 0, 0.5]]
    assert unsure_of(torch.full((1, 3, 2, 2), float("nan"))).isnan().all()


def test_content_is_the_mean_depth_and_how_far_normals_point_one_way():
    depth = torch.tensor([[[[1.0, 3.0]]]])
    assert content(depth).item() == 2
    apart = torch.tensor([[0.0, 0, 7], [0, 3, 0]]).T.reshape(1, 3, 1, 2)  # lengths do not count
    assert content(apart).item() == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("count", [4, 9, 40])
def test_bins_hold_equally_many_and_equal_values_share_one(count):
    values = np.random.default_rng(0).standard_normal(count)
    inside = in_bins(values, 4)
    assert (inside.sum(1) == 1).all()
    assert np.ptp(inside.sum(0)) <= 1
    order = inside.argmax(1)[np.argsort(values)]
    assert (np.diff(order) >= 0).all(), "bins follow the values"
    assert in_bins(np.full(count, 3.0), 4).any(0).sum() == 1


def test_every_class_but_the_background_has_its_turn(pool_of):
    """Class 0 covers the pool; the score would take images 0, 1 and 2, none of which shows 1, 2, 3 or 4."""
    shown = np.zeros((10, 5))
    shown[:, 0] = 1
    for image, which in ((6, 1), (7, 2), (8, 3), (9, 4)):
        shown[image] = 0.4 * np.eye(5)[0] + 0.6 * np.eye(5)[which]
    score = np.array([9, 8, 7, 6, 5, 4, 3, 3, 3, 3])
    pools = [pool_of(scored_rows(score, shown), tasks=(SEMSEG,), seed=s) for s in range(20)]
    chosen = [picks(pool, 6, share=0.67) for pool in pools]
    assert all(sorted(each[:4]) == [6, 7, 8, 9] and each[4:] == [0, 1] for each in chosen)
    assert len({tuple(each[:4]) for each in chosen}) > 3, "the order of turns is random"


def test_within_a_class_the_score_at_the_class_decides(pool_of):
    shown = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5]])
    unsure = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])
    rows = scored_rows([5, 4, 3, 2], shown) | {UNSURE + "semseg": unsure}
    assert picks(pool_of(rows, tasks=(SEMSEG,)), 4, share=1) == [1, 0, 2, 3]  # 3.2, .5, .3, .2


def test_content_is_stratified_where_there_are_no_classes(pool_of):
    """Depths in four bins of three: the best of each bin, though one bin has all the highest scores."""
    depth = np.repeat([1.0, 2, 3, 4], 3) + np.tile([0, 0.1, 0.2], 4)
    score = np.array([1, 2, 3, 5, 4, 3, 30, 31, 32, 2, 1, 3])
    pool = pool_of({"depth": score, CONTENT + "depth": depth}, tasks=(DEPTH,))
    strategy = resolve(f"class-stratified[base=entropy,{SURE},share=0.8]").create()
    chosen = strategy.select(pool, 5).indices.tolist()
    assert sorted(chosen[:4]) == [2, 3, 8, 11]
    assert chosen[4] == 7


def test_noise_dies_down_from_round_to_round(pool_of):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    rows = scored_rows(rng.random(30), rng.dirichlet(np.ones(5), 30))
    best = picks(pool_of(rows, tasks=(SEMSEG,)), 1, share=0)

    def hits(number):
        strategy = resolve("class-stratified[base=margin,share=0]").create()
        pools = [replace(pool_of(rows, tasks=(SEMSEG,), seed=s), round=number) for s in range(100)]
        return sum(strategy.select(pool, 1).indices.tolist() == best for pool in pools)

    early, middle, late = (hits(number) for number in (0, 3, 12))
    assert early < middle < late
    assert late > 90
    steady = resolve("class-stratified[base=margin,share=0,growth=1]").create()
    one, two = (
        steady.select(replace(pool_of(rows, tasks=(SEMSEG,)), round=n), 5).indices.tolist() for n in (0, 50)
    )
    assert one == two


def test_a_base_without_a_score_for_a_task_stratifies_the_others():
    named = resolve("class-stratified[base=least-confidence]")
    selection = Probe(named).choose(Probe(named).pool(), 5)
    assert (selection.scores[:, 2:] == 0).all()


def test_a_base_whose_scores_go_below_zero_is_stratified_too(pool_of):
    shown = np.array([[0.9, 0.1]] * 4)
    assert picks(pool_of(scored_rows([-3, -1, -2, -9], shown), tasks=(SEMSEG,)), 3, share=1) == [1, 2, 0]


def test_the_whole_pool_can_be_stratified(pool_of):
    rng = np.random.default_rng(1)
    rows = scored_rows(rng.random(12), rng.dirichlet(np.ones(5), 12))
    assert sorted(picks(pool_of(rows, [0, 1], tasks=(SEMSEG,)), 10, share=1)) == list(range(2, 12))


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("share=1.1", "share must be from 0 to 1"),
        ("bins=0", "bins and growth must be at least 1"),
        ("growth=0.5", "bins and growth"),
        ("beta=0", "beta more than 0"),
        ("base=random", "does not choose by a score per task"),
    ],
)
def test_values_of_no_meaning_are_refused(value, what):
    with pytest.raises(RegistryError, match=what):
        resolve(f"class-stratified[{value}]").create()
