"""Augmenting a rendering is rendering with another camera: mirrored, of another focal length, or rolled.

Edges are drawn one pixel wide on one side of a boundary at any resolution, so theirs are compared only where
pixels go to pixels, and to within a pixel.
"""

from dataclasses import replace
from math import cos, pi, radians, sin

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.augment import MEAN, Motion, moved
from benchmark.data.feed import Batch
from benchmark.data.rooms.dataset import RoomsConfig, open_rooms, render, view
from benchmark.data.rooms.draws import stream
from benchmark.data.rooms.raycast import Camera

SIDE = 32
TASKS = open_rooms(RoomsConfig()).tasks
SCENES = st.integers(0, 60)


def scene_of(index):
    scene, camera = view("rooms", 0, "train", index)
    return replace(scene, noise=0.0), camera


def drawn(scene, camera):
    sample = render(scene, camera, SIDE, SIDE, stream("sensor"))
    labels = {t.name: torch.from_numpy(t.encode(sample.labels[t.name]))[None] for t in TASKS}
    return Batch(torch.from_numpy(sample.image.transpose(2, 0, 1).copy())[None].float() / 255, labels)


def augmented(batch, *, factor=1.0, degrees=0.0, mirror=False, resampled=True):
    motion = Motion(
        factor=torch.tensor([factor]),
        angle=torch.tensor([radians(degrees)]),
        shift=torch.zeros(1, 2),
        mirror=torch.tensor([mirror]),
    )
    return moved(batch, TASKS, motion, (SIDE, SIDE), resampled)


def with_axes(camera, change):
    return Camera(camera.position, camera.axes @ change, camera.tangent)


def rolled(camera, degrees):
    """A camera turned counter-clockwise about its axis sees the scene turned clockwise."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return with_axes(camera, np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]))


def assert_same(here, there, where=..., allowed=0.004, scale=1.0):
    """Image and labels agree at these pixels, but for the share where a ray just grazes something."""

    def share(differs):
        chosen = differs[where]
        return chosen.float().mean() if chosen.numel() else 0.0

    assert share(here.labels["semseg"][0] != there.labels["semseg"][0]) <= allowed
    depth = (scale * here.labels["depth"] - there.labels["depth"])[0].abs()
    assert share(depth > 2e-3 * there.labels["depth"][0]) <= allowed
    assert share((here.labels["normals"] - there.labels["normals"])[0].abs().amax(0) > 2e-3) <= allowed
    assert share((here.images - there.images)[0].abs().amax(0) > 2.5 / 255) <= 4 * allowed


def near(mask):
    return torch.nn.functional.max_pool2d(mask[None, None].float(), 3, 1, 1)[0, 0] > 0


def assert_edges_within_a_pixel(here, there):
    one, two = (batch.labels["edge"][0] == 1 for batch in (here, there))
    assert (one & ~near(two)).sum() + (two & ~near(one)).sum() <= 2


@settings(max_examples=25)
@given(SCENES)
def test_a_mirrored_camera_sees_what_mirroring_makes(index):
    scene, camera = scene_of(index)
    expected = drawn(scene, with_axes(camera, np.diag([-1.0, 1.0, 1.0])))
    for resampled in (False, True):
        out = augmented(drawn(scene, camera), mirror=True, resampled=resampled)
        assert_same(out, expected)
        assert_edges_within_a_pixel(out, expected)
        assert (out.labels["saliency"] != expected.labels["saliency"]).float().mean() <= 0.004


@settings(max_examples=25)
@given(SCENES, st.sampled_from([90.0, 180.0, -90.0]), st.booleans())
def test_a_camera_on_its_side_sees_what_a_quarter_turn_makes(index, degrees, resampled):
    scene, camera = scene_of(index)
    out = augmented(drawn(scene, camera), degrees=degrees, resampled=resampled)
    expected = drawn(scene, rolled(camera, -degrees))
    assert_same(out, expected)
    assert_edges_within_a_pixel(out, expected)


@settings(max_examples=25)
@given(SCENES, st.sampled_from([3.0, 5.0]))
def test_a_longer_focal_length_sees_what_zoom_makes_but_for_depth(index, factor):
    """The network cannot know the focal length: what looks f times as large counts as f times as near.

    For an odd factor every f-th pixel of the longer lens has the very ray of a pixel of the shorter one.
    """
    scene, camera = scene_of(index)
    out = augmented(drawn(scene, camera), factor=factor)
    longer = drawn(scene, Camera(camera.position, camera.axes, camera.tangent / factor))
    column = torch.arange(SIDE)
    same = (column - SIDE // 2) % int(factor) == int(factor) // 2
    assert same.sum() >= SIDE // factor - 1
    assert_same(out, longer, same[:, None] & same, scale=factor, allowed=0.02)


@settings(max_examples=25)
@given(SCENES)
def test_a_shorter_focal_length_sees_what_shrinking_makes_within_the_old_picture(index):
    scene, camera = scene_of(index)
    out = augmented(drawn(scene, camera), factor=1 / 3)
    wider = drawn(scene, Camera(camera.position, camera.axes, camera.tangent * 3))
    inside = out.labels["semseg"][0] != 255
    assert inside.nonzero().amin(0).tolist() == [11, 11]
    assert inside.nonzero().amax(0).tolist() == [20, 20]
    assert inside.sum() == 100
    assert_same(out, wider, inside, scale=1 / 3, allowed=0.02)
    for task in TASKS:
        assert torch.equal(task.valid(out.labels[task.name])[0], inside), task
    torch.testing.assert_close(out.images[0][:, ~inside].mean(1), torch.tensor(MEAN))


def smooth(batch):
    """Pixels whose eight neighbours are of the same class and plane."""
    semseg, normals = batch.labels["semseg"][0].float(), batch.labels["normals"][0]
    maps = torch.cat([semseg[None], 100 * normals])[None]
    spread = torch.nn.functional.max_pool2d(maps, 3, 1, 1) + torch.nn.functional.max_pool2d(-maps, 3, 1, 1)
    return (spread < 0.1).all(1)[0]


@settings(max_examples=40)
@given(SCENES, st.floats(-180, 180), st.booleans())
def test_a_rolled_camera_sees_what_rotation_makes(index, degrees, mirror):
    scene, camera = scene_of(index)
    out = augmented(drawn(scene, camera), degrees=degrees, mirror=mirror)
    other = rolled(camera, -degrees)
    expected = drawn(scene, with_axes(other, np.diag([-1.0, 1.0, 1.0])) if mirror else other)
    inside = out.labels["semseg"][0] != 255
    assert inside.sum() > 0.8 * pi * (SIDE / 2) ** 2, "a disc at least stays in view"
    where = inside & smooth(expected) & smooth(out)
    assert (out.labels["semseg"] != expected.labels["semseg"])[0][where].sum() <= 2
    turned = (out.labels["normals"] - expected.labels["normals"])[0].abs().amax(0) > 5e-3
    assert turned[where].sum() <= 2
    depth = (out.labels["depth"] / expected.labels["depth"] - 1)[0].abs()
    assert depth[where].nanmedian() < 0.02


@pytest.mark.parametrize("degrees", [20.0, -35.0])
def test_normals_turn_with_the_picture(degrees):
    """A vector that points up points to the upper left after a turn to the left."""
    labels = {t.name: torch.from_numpy(t.unlabelled(SIDE, SIDE))[None] for t in TASKS}
    labels["normals"] = torch.tensor([0.0, 0.8, 0.6]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    out = augmented(Batch(torch.zeros(1, 3, SIDE, SIDE), labels), degrees=degrees).labels["normals"]
    angle = radians(degrees)
    expected = torch.tensor([-0.8 * sin(angle), 0.8 * cos(angle), 0.6])
    torch.testing.assert_close(out[0, :, SIDE // 2, SIDE // 2], expected)
    assert (out[0, :, 0, 0] == 0).all(), "nothing is known beyond the border"
