"""The method against METHOD sections 1 to 4 written anew: scores, product, filter, weights, options."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from method_pools import NAMES, NORMALISED, made, parts, pool_of, scores_of, side_by_side
from scipy.spatial.distance import cdist

import baselines  # noqa: F401
from strategies import distillation
from strategies.consistency_diversity import VECTOR, ConsistencyDiversity
from strategies.contract import TASKS, made_up_outputs
from strategies.distillation import distilled
from strategies.divergences import DIVERGENCES, inconsistency_loss, inconsistency_map
from strategies.interface import Pool, Shapes
from strategies.registry import RegistryError, entries, resolve


def to_nearest(vectors, position, centres):
    if not centres:
        return 1.0
    return min(np.sqrt(np.sum((vectors[position] - vectors[c]) ** 2)) for c in centres)


def section_3(pool, budget, how="rank", power=1.0, keep=None, vectors=None):
    """Greedy argmax of score^power * distance to the nearest labelled or picked image, the slow way."""
    vectors = (side_by_side(pool.rows) if vectors is None else vectors).astype(np.float64)
    score, centres, picked = scores_of(pool, how), pool.labelled.tolist(), []
    free = list(score)
    if keep:
        free = sorted(free, key=score.__getitem__, reverse=True)[: round(keep * budget)]
    for _ in range(budget):
        value = {i: (1 if keep else score[i] ** power) * to_nearest(vectors, i, centres) for i in free}
        best = max(value, key=value.__getitem__)
        picked.append(best)
        centres.append(best)
        free.remove(best)
    return picked


@pytest.mark.parametrize("how", sorted(NORMALISED))
@pytest.mark.parametrize("power", [0.5, 1, 3])
@pytest.mark.parametrize("labelled", [0, 7])
def test_the_product_is_chosen_greedily(how, power, labelled):
    pool = pool_of(int(10 * power), labelled=labelled)
    chosen = made(f"normalise={how},power={power}").select(pool, 15).indices
    assert chosen.tolist() == section_3(pool, 15, how, power)


@pytest.mark.parametrize("keep", [1, 2.5, 3, 100])
@pytest.mark.parametrize("how", sorted(NORMALISED))
def test_the_filter_is_k_center_among_the_highest(keep, how):
    pool = pool_of(int(keep))
    chosen = made(f"select=filter,keep={keep},normalise={how}").select(pool, 8).indices
    assert chosen.tolist() == section_3(pool, 8, how, keep=keep)
    score = scores_of(pool, how)
    allowed = sorted(score, key=score.__getitem__, reverse=True)[: round(keep * 8)]
    assert set(chosen) <= set(allowed)


@pytest.mark.parametrize("power", [0.5, 2])
def test_draw_is_the_product_by_lot(power):
    """The probability of every draw, from the products of scores and distances written out."""
    pool = pool_of(2, labelled=7)
    selection = made(f"select=draw,weighting=lure,power={power}").select(pool, 10)
    vectors = side_by_side(pool.rows).astype(np.float64)
    score, centres = scores_of(pool, "rank"), list(pool.labelled)
    left = pool.unlabelled.tolist()
    for image, probability in zip(selection.indices.tolist(), selection.probabilities, strict=True):
        nearest = cdist(vectors[left], vectors[centres]).min(1)
        product = np.array([score[i] for i in left]) ** power * nearest
        expected = 0.9 * product / product.sum() + 0.1 / len(left)
        assert probability == pytest.approx(expected[left.index(image)])
        left.remove(image)
        centres.append(image)
    without = made(f"select=draw,power={power}").select(pool_of(2, labelled=7), 10)
    assert without.indices.tolist() == selection.indices.tolist()
    assert made("select=draw,weighting=lure").loss_weights(np.ones((2, 4))) is None


def test_power_0_is_plain_k_center():
    pool = pool_of(4)
    same = {**pool.rows, **{task: np.ones(60) for task in NAMES}}
    chosen = made("power=0").select(pool, 15).indices.tolist()
    assert chosen == section_3(pool, 15, power=0)
    assert chosen == section_3(Pool(**{**vars(pool), "rows": same}), 15)
    assert chosen == made("select=filter,keep=100").select(pool, 15).indices.tolist()


def test_components_are_those_of_all_images():
    from sklearn.decomposition import PCA

    pool = pool_of(2, width=12)
    vectors = PCA(3, svd_solver="full").fit_transform(side_by_side(pool.rows).astype(np.float64))
    chosen = made("representation=pca,dimensions=3").select(pool, 10).indices
    assert chosen.tolist() == section_3(pool, 10, vectors=vectors.astype(np.float32))


@pytest.mark.parametrize("task", NAMES)
@pytest.mark.parametrize("how", sorted(NORMALISED))
def test_the_unit_of_a_task_does_not_matter(task, how):
    pool = pool_of(9)
    louder = Pool(**{**vars(pool), "rows": {**pool.rows, task: pool.rows[task] * 1000}})
    strategy = made(f"normalise={how}")
    assert strategy.select(louder, 12).indices.tolist() == strategy.select(pool, 12).indices.tolist()


def test_scores_below_zero_never_prefer_the_nearest_image(monkeypatch):
    """Z-scores go below zero; weights handed to the k-center must not."""
    from strategies import consistency_diversity

    seen, real = [], consistency_diversity.k_center_greedy

    def spy(*arguments, weights=None, **options):
        seen.append(weights)
        return real(*arguments, weights=weights, **options)

    monkeypatch.setattr(consistency_diversity, "k_center_greedy", spy)
    for how in NORMALISED:
        made(f"normalise={how}").select(pool_of(3), 5)
    assert len(seen) == 3
    assert all((weights >= 0).all() and weights.max() > 0 for weights in seen)


def test_weighting_alone_takes_the_images_of_random_selection_and_weighs_them():
    alone, random = made("select=random"), resolve("random").create()
    selection = alone.select(pool_of(3), 12)
    assert selection.indices.tolist() == random.select(pool_of(3), 12).indices.tolist()
    ranks = np.random.default_rng(0).random((12, 4))
    assert alone.loss_weights(ranks) == pytest.approx(made().loss_weights(ranks))
    np.testing.assert_array_equal(selection.scores, made().select(pool_of(3), 12).scores)


@pytest.mark.parametrize(
    "options",
    ["", "normalise=zscore", "normalise=minmax", "select=filter", "select=cover", "select=draw", "power=0"],
)
def test_scores_that_are_all_the_same_leave_a_full_selection(options):
    pool = pool_of(1)
    flat = Pool(**{**vars(pool), "rows": {**pool.rows, **{task: np.full(60, 0.1) for task in NAMES}}})
    chosen = made(options).select(flat, 53).indices
    assert sorted(chosen) == pool.unlabelled.tolist()


def test_duplicates_are_taken_last():
    pool = pool_of(6)
    vectors = side_by_side(pool.rows)
    twins = pool.unlabelled[:5]
    vectors[twins] = vectors[pool.labelled[0]]
    pool = Pool(**{**vars(pool), "rows": {**pool.rows, **parts(vectors)}})
    chosen = made().select(pool, 53).indices
    assert set(twins) <= set(chosen[-9:])  # beside the three twins of pool_of and the lowest score of all


def test_scores_are_handed_on_raw_for_every_image():
    pool = pool_of(0)
    expected = np.stack([pool.rows[task] for task in NAMES], 1)
    np.testing.assert_array_equal(made().select(pool, 3).scores, expected)


@pytest.mark.parametrize("gain", [0.25, 0.5, 1])
def test_loss_weights_are_those_of_section_4(gain):
    ranks = np.array([[0.0, 0.5, 1.0, 0.75]])
    wanted = [[1 - gain, 1, 1 + gain, 1 + gain / 2]]
    np.testing.assert_allclose(made(f"gain={gain}").loss_weights(ranks), wanted)


def test_there_are_no_loss_weights_without_weighting():
    scores = np.random.default_rng(0).random((11, 4))
    assert made("weighting=none").loss_weights(scores) is None
    assert made("gain=0").loss_weights(scores) is None


def measured(options, images=5):
    outputs = made_up_outputs(images=images)
    return outputs, made(options).measure(outputs)


@pytest.mark.parametrize("kind", sorted(DIVERGENCES))
def test_every_divergence_is_reachable_by_name(kind):
    task = next(task for task in TASKS if task.kind == kind)
    rows = {}
    for name in DIVERGENCES[kind]:
        outputs, rows[name] = measured(f"{kind}={name}")
        expected = inconsistency_map(outputs, task, {kind: name}).mean((1, 2))
        torch.testing.assert_close(rows[name][task.name], expected)
    values = [row[task.name] for row in rows.values()]
    assert not any(torch.allclose(a, b) for a, b in itertools.combinations(values, 2))


def test_the_measure_may_be_the_tasks_own_loss():
    outputs, rows = measured("measure=loss")
    for task in TASKS:
        torch.testing.assert_close(rows[task.name], inconsistency_loss(outputs, task))


def test_coarser_initial_predictions_count_when_asked_for():

    outputs = made_up_outputs(images=3)
    coarser = {task.name: (outputs.initial[task.name].flip(0),) for task in TASKS}
    outputs = replace(outputs, coarser_initial=coarser)
    finest, mean = (made(options).measure(outputs)["depth"] for options in ("", "scales=mean"))
    other = made().measure(replace(outputs, initial={t: maps[0] for t, maps in coarser.items()}))["depth"]
    torch.testing.assert_close(mean, (finest + other) / 2)


def test_pooling_by_inconsistency_changes_the_vector_only():
    (_, mean), (_, weighted) = measured(""), measured("pooling=inconsistency")
    for task in NAMES:
        assert mean[VECTOR + task].shape == weighted[VECTOR + task].shape == (5, 6)
        assert not torch.allclose(mean[VECTOR + task], weighted[VECTOR + task])
        assert torch.equal(mean[task], weighted[task])


@pytest.fixture
def learnable():
    """A pool whose tasks' vectors three hidden values decide."""
    rng = np.random.default_rng(5)
    low, pool = rng.standard_normal((60, 3)), pool_of(5)
    mixed = {task: low @ rng.standard_normal((3, 6)) for task in NAMES}
    unit = {t: (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for t, v in mixed.items()}
    return Pool(**{**vars(pool), "rows": {**pool.rows, **{VECTOR + t: v for t, v in unit.items()}}})


def test_distances_are_those_of_what_was_distilled_from_the_pool(learnable):
    vectors = [learnable.rows[VECTOR + task] for task in NAMES]
    wanted, explained = distilled(vectors, 128, np.random.default_rng(0))
    selection = made("representation=distill").select(learnable, 12)
    assert selection.indices.tolist() == section_3(learnable, 12, vectors=wanted)
    assert selection.notes == {"explained": explained}
    assert explained >= 0.9


def test_what_is_not_explained_is_warned_of_in_a_sentence(learnable, monkeypatch):
    monkeypatch.setattr(distillation, "STEPS", 0)
    with pytest.warns(UserWarning, match=r"explain -?\d+% of the task features, not 90%: .* dimensions"):
        selection = made("representation=distill").select(learnable, 3)
    assert selection.notes["explained"] < 0.9


def test_nothing_is_trained_beside_the_network_nor_where_no_vector_is_used(learnable, monkeypatch):
    assert made("representation=distill").companion(Shapes(TASKS, dict.fromkeys(NAMES, 6), (4, 8))) is None
    monkeypatch.setattr(distillation, "distilled", None)
    for options in ("representation=concat", "representation=pca", "representation=distill,select=random"):
        assert made(options).select(learnable, 3).notes == {}


def test_every_option_of_the_method_is_listed():
    listed = {
        name: (p.choices, p.default) for name, p in entries()["consistency-diversity"].parameters.items()
    }
    assert listed == {
        "measure": (("divergence", "loss"), "divergence"),
        "categorical": (("js", "kl"), "js"),
        "binary": (("js", "difference", "weighted"), "js"),
        "scalar": (("difference", "relative"), "difference"),
        "direction": (("cosine", "l1"), "cosine"),
        "scales": (("finest", "mean"), "finest"),
        "normalise": (("rank", "zscore", "minmax"), "rank"),
        "representation": (("distill", "concat", "pca", "patches"), "distill"),
        "patches": ((), 5),
        "pooling": (("mean", "inconsistency"), "mean"),
        "dimensions": ((), 128),
        "select": (("product", "filter", "cover", "draw", "random"), "product"),
        "power": ((), 1.0),
        "keep": ((), 3.0),
        "weighting": (("rank", "none", "lure"), "rank"),
        "gain": ((), 0.5),
    }
    description = entries()["consistency-diversity"].description
    for name in listed:
        assert name in description, f"{name} is not explained"


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("dimensions=0", "dimensions must be at least 1"),
        ("dimensions=-5", "dimensions must be at least 1"),
        ("patches=0", "patches must be at least 1"),
        ("power=-0.1", "power must be 0 or more"),
        ("keep=0.9", "keep must be at least 1"),
        ("gain=1.1", "gain must be from 0 to 1"),
        ("gain=-0.1", "gain must be from 0 to 1"),
        ("keep=inf", "keep must be a finite number"),
        ("power=nan", "power must be a finite number"),
    ],
)
def test_a_parameter_out_of_range_is_one_sentence(option, wanted):
    with pytest.raises(RegistryError, match=wanted) as caught:
        made(option)
    assert str(caught.value).count("\n") == 0


def test_every_parameter_does_something():
    """An option that changed nothing would fill ablation tables with copies."""
    default = vars(ConsistencyDiversity())
    for name, parameter in entries()["consistency-diversity"].parameters.items():
        others = [choice for choice in parameter.choices if choice != parameter.default] or [
            type(parameter.default)(2 * parameter.default)
        ]
        for other in others:
            lot = {"select": "draw"} if other == "lure" else {}  # without which it is refused
            without = vars(ConsistencyDiversity(**lot)) if lot else default
            assert vars(ConsistencyDiversity(**lot, **{name: other})) != without, name
