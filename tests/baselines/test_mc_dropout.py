"""Monte-Carlo dropout against all passes stacked in float64; passes are read once and never stacked."""

import weakref
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import entr, expit, softmax

import baselines  # noqa: F401
from strategies.contract import TASKS, made_up_outputs
from strategies.registry import RegistryError, resolve

CHANNELS = {task.name: task.channels for task in TASKS}


def passes_of(count, images=3, scale=2.0, seed=0):
    """Refined predictions of every pass, by task."""
    draw = torch.Generator().manual_seed(seed)
    return [
        {
            task: scale * torch.randn(images, channels, 4, 5, generator=draw)
            for task, channels in CHANNELS.items()
        }
        for _ in range(count)
    ]


def measured(passes, plain=None):
    outputs = made_up_outputs(images=len(passes[0]["depth"]))
    outputs = replace(outputs, refined=plain or passes[0])
    views = {f"dropout-{n}": replace(outputs, refined=each) for n, each in enumerate(passes, 1)}
    strategy = resolve(f"mc-dropout[passes={len(passes)}]").create()
    return strategy.measure(replace(outputs, views=views))


def stacked(passes, task):
    return np.stack([each[task].double().numpy() for each in passes])


def bald(p):
    """Mutual information of passes x images x classes x pixels: entropy of the mean - mean entropy."""
    return (entr(p.mean(0)).sum(1) - entr(p).sum(2).mean(0)).mean((1, 2))


@pytest.mark.parametrize("scale", [0.1, 2, 40])
@pytest.mark.parametrize("count", [2, 7])
def test_classes_have_the_mutual_information(count, scale):
    passes = passes_of(count, scale=scale)
    found = measured(passes)
    np.testing.assert_allclose(found["semseg"], bald(softmax(stacked(passes, "semseg"), 2)), atol=1e-6)
    yes = expit(stacked(passes, "saliency"))
    np.testing.assert_allclose(found["saliency"], bald(np.concatenate([yes, 1 - yes], 2)), atol=1e-6)


@pytest.mark.parametrize("count", [2, 7])
def test_depth_has_the_variance_and_normals_the_spread_of_unit_vectors(count):
    passes = passes_of(count)
    found = measured(passes)
    np.testing.assert_allclose(found["depth"], stacked(passes, "depth").var(0).mean((1, 2, 3)), rtol=1e-5)
    normals = stacked(passes, "normals")
    mean = (normals / np.linalg.norm(normals, axis=2, keepdims=True)).mean(0)
    np.testing.assert_allclose(found["normals"], (1 - np.square(mean).sum(1)).mean((1, 2)), rtol=1e-5)


def test_a_small_variance_of_large_depths_is_exact():
    """The naive mean of squares minus squared mean has no right digit here in float32."""
    passes = passes_of(5, scale=0.01)
    for each in passes:
        each["depth"] += 1000
    variance = stacked(passes, "depth").var(0).mean((1, 2, 3))
    np.testing.assert_allclose(measured(passes)["depth"], variance, rtol=1e-3)


def test_passes_that_agree_score_zero_however_uncertain():
    unsure = {task: torch.zeros(2, channels, 3, 3) for task, channels in CHANNELS.items()}
    unsure["normals"] += 1
    for task, scores in measured([unsure] * 4).items():
        np.testing.assert_allclose(scores, 0, atol=1e-6, err_msg=task)


def test_certain_and_contrary_passes_reach_the_bound_and_are_not_nan():
    """Regression: log(0) gives NaN, and NaN sorts anywhere (found in public re-implementations)."""
    one, two = ({task: torch.full((1, c, 3, 3), -1e4) for task, c in CHANNELS.items()} for _ in range(2))
    one["semseg"][:, 0] = two["semseg"][:, 1] = two["saliency"][:] = two["normals"][:] = 1e4
    found = measured([one, two])
    assert found["semseg"].item() == pytest.approx(np.log(2))
    assert found["saliency"].item() == pytest.approx(np.log(2))
    assert found["normals"].item() == pytest.approx(1)
    assert found["depth"].item() == 0


@pytest.mark.parametrize("task", CHANNELS)
def test_the_image_on_which_passes_differ_comes_first(task):
    near = passes_of(4, images=6, scale=0.02, seed=3)
    plain = passes_of(1, images=6)[0]
    passes = [{name: plain[name] + each[name] for name in CHANNELS} for each in near]
    passes[0][task][4] *= -1
    assert measured(passes, plain)[task].argmax() == 4


class Fleeting(Mapping):
    """Views that are made when read, and tell how many of them live at that time."""

    def __init__(self, outputs, count):
        self.outputs, self.names = outputs, [f"dropout-{n}" for n in range(1, count + 1)]
        self.read, self.alive, self.made = [], [], []

    def __getitem__(self, name):
        self.alive.append(sum(reference() is not None for reference in self.made))
        self.read.append(name)
        view = self.outputs.mapped(lambda tensor: tensor + len(self.read))
        self.made.append(weakref.ref(view.refined["semseg"]))
        return view

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)


def test_each_pass_is_computed_once_and_freed_before_the_next():
    outputs = made_up_outputs(images=2)
    views = Fleeting(outputs, 5)
    resolve("mc-dropout[passes=5]").create().measure(replace(outputs, views=views))
    assert views.read == views.names
    assert views.alive == [0] * 5


def test_what_the_network_said_is_left_as_it_was():
    passes = passes_of(3)
    copies = [{task: maps.clone() for task, maps in each.items()} for each in passes]
    measured(passes)
    assert all(torch.equal(each[t], copy[t]) for each, copy in zip(passes, copies, strict=True) for t in each)


def test_it_asks_for_as_many_passes_as_its_name_says():
    assert resolve("mc-dropout[passes=3]").create().views == ("dropout-1", "dropout-2", "dropout-3")
    assert len(resolve("mc-dropout").create().views) == 10
    with pytest.raises(RegistryError, match="passes must be at least 2"):
        resolve("mc-dropout[passes=1]").create()
