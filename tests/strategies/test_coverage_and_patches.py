"""The method by coverage and by patches: what it maximises, summed anew for every image that may be next."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from method_pools import NAMES, NORMALISED, made, pool_of, scores_of, side_by_side
from scipy.spatial.distance import cdist

from strategies.consistency_diversity import PATCHES, VECTOR
from strategies.contract import made_up_outputs
from strategies.interface import Pool
from strategies.patches import patches_of
from strategies.registry import RegistryError


def coverage(pool, how, power):
    """What covers so much of the informative mass, as a function of images beside the labelled ones."""
    vectors = side_by_side(pool.rows).astype(np.float64)
    width = np.sqrt(np.square(vectors - vectors.mean(0)).sum(1).mean())
    similarity = np.exp(-((cdist(vectors, vectors) / width) ** 2))
    weights = np.array(list(scores_of(pool, how).values())) ** power
    return lambda images: weights @ similarity[np.ix_([*pool.labelled, *images], pool.unlabelled)].max(0)


@pytest.mark.parametrize("how", sorted(NORMALISED))
@pytest.mark.parametrize("power", [0, 0.5, 2])
@pytest.mark.parametrize("labelled", [0, 7])
def test_cover_is_the_greedy_coverage_of_the_informative_mass(how, power, labelled):
    pool = pool_of(int(10 * power), labelled=labelled)
    chosen = made(f"select=cover,normalise={how},power={power}").select(pool, 12).indices
    covered, picked = coverage(pool, how, power), []
    for image in chosen.tolist():  # two images that are alike to each other alone add the same
        worth = {other: covered([*picked, other]) for other in np.setdiff1d(pool.unlabelled, picked).tolist()}
        assert worth[image] >= max(worth.values()) - 1e-6
        picked.append(image)


def test_the_unit_of_the_representation_does_not_matter_to_coverage():
    pool = pool_of(3)
    larger = {VECTOR + task: 64 * pool.rows[VECTOR + task] for task in NAMES}
    larger = Pool(**{**vars(pool_of(3)), "rows": {**pool.rows, **larger}})
    one, two = (made("select=cover").select(each, 12).indices.tolist() for each in (pool, larger))
    assert one == two


def pool_of_patches(labelled=7):
    """The same scores, and four vectors an image."""
    pool = pool_of(8, labelled=labelled)
    sets = np.random.default_rng(8).standard_normal((60, 4, 6)).astype(np.float32)
    return replace(pool, rows={**pool.rows, PATCHES: sets})


@pytest.mark.parametrize("options", ["power=1", "power=2", "select=filter,keep=2"])
def test_of_patches_distance_is_that_of_the_worst_covered_one(options):
    pool, keep = pool_of_patches(), 2 if "filter" in options else None
    sets, centres = pool.rows[PATCHES].astype(np.float64), pool.labelled.tolist()
    score, power = scores_of(pool, "rank"), 0 if keep else int(options[-1])
    free = sorted(score, key=score.__getitem__, reverse=True)[: 20 if keep else None]
    for _ in range(10):
        seen = np.concatenate([sets[c] for c in centres])
        far = {i: np.linalg.norm(sets[i][:, None] - seen, axis=2).min(1).max() for i in free}
        centres.append(max(free, key=lambda i: score[i] ** power * far[i]))
        free.remove(centres[-1])
    chosen = made(f"representation=patches,{options}").select(pool, 10).indices
    assert chosen.tolist() == centres[7:]


@pytest.mark.parametrize("power", [1, 3])
def test_of_patches_coverage_is_the_sum_over_those_of_all_images(power):
    pool = pool_of_patches()
    points, which = pool.rows[PATCHES].reshape(240, 6).astype(np.float64), np.repeat(np.arange(60), 4)
    width = np.sqrt(np.square(points - points.mean(0)).sum(1).mean())
    similarity = np.exp(-((cdist(points, points) / width) ** 2))
    score = scores_of(pool, "rank")
    weights = np.array([score.get(image, 0) ** power for image in which])
    picked = []
    for image in made(f"representation=patches,select=cover,power={power}").select(pool, 8).indices.tolist():
        left = np.setdiff1d(pool.unlabelled, picked).tolist()
        worth = {i: weights @ similarity[np.isin(which, [*pool.labelled, *picked, i])].max(0) for i in left}
        assert worth[image] >= max(worth.values()) - 1e-6
        picked.append(image)


def test_of_patches_a_draw_is_by_the_distance_of_the_worst_covered_one():
    pool = pool_of_patches()
    selection = made("representation=patches,select=draw,weighting=lure").select(pool, 6)
    sets, score = pool.rows[PATCHES].astype(np.float64), scores_of(pool, "rank")
    centres, left = pool.labelled.tolist(), pool.unlabelled.tolist()
    for image, probability in zip(selection.indices.tolist(), selection.probabilities, strict=True):
        seen = np.concatenate([sets[c] for c in centres])
        far = [np.linalg.norm(sets[i][:, None] - seen, axis=2).min(1).max() for i in left]
        product = np.array([score[i] for i in left]) * far
        expected = 0.9 * product / product.sum() + 0.1 / len(left)
        assert probability == pytest.approx(expected[left.index(image)])
        left.remove(image)
        centres.append(image)


def test_patches_are_of_all_tasks_and_projected():
    outputs = made_up_outputs(images=5)
    features = tuple(outputs.task_features.values())
    rows = made("representation=patches,patches=3,dimensions=16").measure(outputs)
    torch.testing.assert_close(rows[PATCHES], patches_of(features, 3, 16))
    assert rows[PATCHES].shape == (5, 3, 16)
    assert set(rows) == {PATCHES, *NAMES}
    with pytest.raises(RegistryError, match="pooling must be mean where representation is patches"):
        made("representation=patches,pooling=inconsistency")
