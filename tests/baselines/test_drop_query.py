"""DropQuery: instability counted pixel by pixel, and which candidates the clusters give."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine

import baselines  # noqa: F401
from baselines.drop_query import UNSTABLE, DropQuery
from strategies.choosing import choose
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import RegistryError, resolve

TASK_NAMES = [task.name for task in TASKS]


def shown(passes, images=3):
    """Outputs, and those of each pass."""
    outputs = made_up_outputs(images=images)
    views = {
        f"dropout-{n}": outputs.mapped(lambda tensor, n=n: tensor + 0.7 * torch.roll(tensor, n, -1))
        for n in range(1, passes + 1)
    }
    return replace(outputs, views=views), views


def rows(instability, vectors):
    """The same instability for every task."""
    return {"vector": np.asarray(vectors, np.float32)} | {
        UNSTABLE + task: np.asarray(instability, float) for task in TASK_NAMES
    }


@pytest.mark.parametrize("passes", [1, 2, 3, 4])
def test_instability_is_the_share_of_pixels_that_change_in_more_than_half_of_the_passes(passes):
    outputs, views = shown(passes)
    found = DropQuery(passes).measure(outputs)
    for task, class_of in (("semseg", lambda x: x.argmax(0)), ("saliency", lambda x: (x[0] > 0).long())):
        expected = []
        for image in range(3):
            differ = [
                class_of(view.refined[task][image]) != class_of(outputs.refined[task][image])
                for view in views.values()
            ]
            expected.append((torch.stack(differ).sum(0) > passes // 2).double().mean().item())
        np.testing.assert_allclose(found[UNSTABLE + task], expected, rtol=1e-5)
    assert 0 < found[UNSTABLE + "semseg"].mean() < 1


def test_depth_changes_by_its_share_and_normals_by_their_angle():
    outputs, views = shown(2)
    found = DropQuery(2).measure(outputs)
    plain = {task: outputs.refined[task].double().numpy() for task in ("depth", "normals")}
    dropped = [{task: v.refined[task].double().numpy() for task in plain} for v in views.values()]
    relative = [abs(v["depth"] - plain["depth"]) / abs(plain["depth"]).clip(1e-3) for v in dropped]
    np.testing.assert_allclose(found[UNSTABLE + "depth"], np.mean(relative, (0, 2, 3, 4)), rtol=1e-4)
    pixels = [(y, x) for y in range(16) for x in range(12)]
    angles = [
        np.mean(
            [
                cosine(plain["normals"][i, :, y, x], v["normals"][i, :, y, x])
                for v in dropped
                for y, x in pixels
            ]
        )
        for i in range(3)
    ]
    np.testing.assert_allclose(found[UNSTABLE + "normals"], angles, rtol=1e-4)


def test_a_pass_that_is_nan_shows():
    outputs, views = shown(2)
    broken = views["dropout-2"].mapped(lambda tensor: torch.full_like(tensor, float("nan")))
    found = DropQuery(2).measure(replace(outputs, views={**views, "dropout-2": broken}))
    assert all(found[UNSTABLE + task].isnan().all() for task in TASK_NAMES)


def test_only_candidates_are_chosen_and_one_of_each_cluster(pool_of, blobs):
    vectors, which = blobs(8, 8, 8)
    unstable = np.tile([1.0, 1, 1, 1, 0, 0, 0, 0], 3)  # the second half of every blob is stable
    pool = pool_of(rows(unstable, vectors), labelled=[0, 8])
    chosen = choose(DropQuery(keep=10 / 22), "drop-query", pool, 3).indices
    assert sorted(which[chosen].tolist()) == [0, 1, 2]
    assert (unstable[chosen] == 1).all()
    nearest = []  # each nearest to the mean of its blob's candidates
    for blob in range(3):
        candidates = [i for i in np.flatnonzero(which == blob) if unstable[i] and i not in (0, 8)]
        away = np.linalg.norm(vectors[candidates] - vectors[candidates].mean(0), axis=1)
        nearest.append(candidates[away.argmin()])
    assert sorted(chosen.tolist()) == nearest


def test_the_most_unstable_by_mean_rank_are_the_candidates(pool_of):
    """Tasks of other scales: one task's large numbers decide nothing by themselves."""
    rng = np.random.default_rng(0)
    measured = rows(np.zeros(12), rng.random((12, 3)))
    for factor, task in enumerate(TASK_NAMES):
        measured[UNSTABLE + task] = rng.permutation(12) * 1000.0**factor
    mean = np.mean([np.argsort(np.argsort(measured[UNSTABLE + task])) for task in TASK_NAMES], 0)
    chosen = DropQuery(keep=0).select(pool_of(measured), 4).indices  # as many candidates as are wanted
    assert sorted(mean[chosen]) == pytest.approx(sorted(mean)[-4:])


def test_copies_of_one_image_leave_the_rest_to_other_candidates(pool_of):
    unstable = np.array([1.0] * 6 + [0.0] * 6)
    pool = pool_of(rows(unstable, np.zeros((12, 2))))
    chosen = DropQuery().select(pool, 5).indices
    assert len(set(chosen.tolist())) == 5
    assert (chosen < 6).all()


def test_scores_are_the_instabilities_and_maps_are_what_is_averaged(pool_of):
    outputs, _ = shown(3)
    strategy = DropQuery()
    measured = {name: values.numpy() for name, values in strategy.measure(outputs).items()}
    selection = strategy.select(pool_of(measured), 1)
    expected = np.stack([measured[UNSTABLE + task] for task in TASK_NAMES], 1)
    np.testing.assert_allclose(selection.scores, expected)
    maps = strategy.maps(outputs)
    np.testing.assert_allclose(maps["depth"].mean((1, 2)), expected[:, 2], rtol=1e-5)
    assert set(maps["semseg"].unique().tolist()) <= {0.0, 1.0}


def test_passes_are_views_and_none_are_refused():
    assert resolve("drop-query[passes=2]").create().views == ("dropout-1", "dropout-2")
    with pytest.raises(RegistryError, match="passes must be at least 1"):
        resolve("drop-query[passes=0]").create()
    with pytest.raises(RegistryError, match="keep must be from 0 to 1"):
        resolve("drop-query[keep=1.5]").create()
