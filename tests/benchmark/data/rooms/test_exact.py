"""Exactness of the rooms, by analytic scenes and by means other than the renderer's own."""

from __future__ import annotations

from dataclasses import replace
from math import pi, tan

import numpy as np
import pytest

from benchmark.data.rooms import CLASSES
from benchmark.data.rooms.dataset import render, view
from benchmark.data.rooms.draws import stream
from benchmark.data.rooms.labels import camera_normals
from benchmark.data.rooms.raycast import Camera, cast
from benchmark.data.rooms.scene import Light, Material, Part, Pattern, Scene, Shape, Thing
from benchmark.data.rooms.shading import pattern_values, shade
from benchmark.data.rooms.viewpoint import Pose

GREY = Material(Pattern.PLAIN, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
AHEAD = Pose((0.0, 1.2, 0.0), 0.0, 0.0, 0.0, pi / 3).camera()


def hand_made(*parts: Part, semantic: str = "clutter", size=(4.0, 2.4, 6.0)) -> Scene:
    """A grey room with one thing of these parts."""
    things = (Thing(semantic, parts),) if parts else ()
    return Scene(size, (GREY,) * 6, things, (Light((0.0, 2.2, 0.0), (1.0, 1.0, 1.0), 2.0),), (0.2, 0.2, 0.2))


def draw(scene: Scene, camera: Camera = AHEAD, side: int = 65):
    return render(scene, camera, side, side, stream("sensor"))


# Analytic scenes


def test_empty_room_has_analytic_depth_normals_and_classes():
    labels = draw(hand_made()).labels
    half = tan(pi / 6)
    y, x = np.mgrid[1 - 1 / 65 : -1 : -2 / 65, -1 + 1 / 65 : 1 : 2 / 65] * half
    with np.errstate(divide="ignore"):
        expected = np.minimum(np.minimum(3.0, 2.0 / np.abs(x)), 1.2 / np.abs(y))
    np.testing.assert_allclose(labels["depth"], expected, rtol=1e-5)
    # 1.2 m below and above the eye: the back wall fills |y| < 0.4 of the image plane, the floor all below.
    back, floor, ceiling = np.abs(y) < 0.399, y < -0.401, y > 0.401
    np.testing.assert_allclose(labels["normals"][back], [[0, 0, 1]] * back.sum(), atol=1e-6)
    np.testing.assert_allclose(labels["normals"][floor], [[0, 1, 0]] * floor.sum(), atol=1e-6)
    assert {CLASSES[k] for k in np.unique(labels["semseg"][back])} == {"wall"}
    assert {CLASSES[k] for k in np.unique(labels["semseg"][floor])} == {"floor"}
    assert {CLASSES[k] for k in np.unique(labels["semseg"][ceiling])} == {"ceiling"}
    assert not labels["saliency"].any()


def test_edges_of_the_empty_room_are_where_floor_and_ceiling_meet_the_wall():
    edge = draw(hand_made(), side=64).labels["edge"]
    y = (1 - (2 * np.arange(64) + 1) / 64) * tan(pi / 6)
    # the lower neighbour is across 0.4 or across -0.4
    crossing = [k for k in range(63) if (y[k] > 0.4 > y[k + 1]) or (y[k] > -0.4 > y[k + 1])]
    assert np.flatnonzero(edge.all(axis=1)).tolist() == crossing
    assert edge.sum() == 2 * 64


def test_walls_face_the_camera_that_looks_at_them_whatever_its_yaw():
    for yaw in (0.0, pi / 2, pi, -pi / 2):
        normals = draw(hand_made(), Pose((0.3, 1.2, 0.2), yaw, 0.0, 0.0, pi / 3).camera()).labels["normals"]
        np.testing.assert_allclose(normals[32, 32], [0, 0, 1], atol=1e-6)


def test_a_camera_that_looks_down_sees_the_floor_normal_turned():
    pitch = -0.5
    normals = draw(hand_made(), Pose((0.0, 1.2, 0.0), 0.7, pitch, 0.0, pi / 3).camera()).labels["normals"]
    np.testing.assert_allclose(normals[60, 32], [0, np.cos(pitch), -np.sin(pitch)], atol=1e-6)


def test_ball_has_analytic_depth_and_normals_and_no_creases():
    radius, centre = 0.5, np.array([0.1, 0.05, -2.0])
    part = Part(Shape.ELLIPSOID, (0.1, 1.25, -2.0), (radius,) * 3, GREY)
    labels = draw(hand_made(part)).labels
    grid = ((2 * np.arange(65) + 1) / 65 - 1) * tan(pi / 6)
    rays = np.stack(np.broadcast_arrays(grid[None, :], -grid[:, None], -1.0), axis=-1)
    b, a = rays @ centre, (rays**2).sum(-1)
    discriminant = b**2 - a * (centre @ centre - radius**2)
    on = discriminant > 1e-3
    depth = (b[on] - np.sqrt(discriminant[on])) / a[on]
    np.testing.assert_allclose(labels["depth"][on], depth, rtol=1e-5)
    normals = (rays[on] * depth[:, None] - centre) / radius
    np.testing.assert_allclose(labels["normals"][on], normals, atol=2e-4)
    np.testing.assert_array_equal(labels["saliency"] == 1, labels["semseg"] == CLASSES.index("clutter"))
    inside = on & np.roll(on, -1, 0) & np.roll(on, -1, 1)
    assert not labels["edge"][inside].any()


def test_cylinder_creases_at_its_cap_and_nowhere_on_its_side():
    cylinder = hand_made(Part(Shape.CYLINDER, (0.0, 0.5, -2.0), (0.3, 0.5, 0.3), GREY))
    high = Pose((0.0, 2.0, 0.0), 0.0, -0.5, 0.0, pi / 3).camera()
    hits, labels = cast(cylinder, high, 65, 65), draw(cylinder, high).labels
    up, mine = hits.normal[1] > 0.99, labels["semseg"] == CLASSES.index("clutter")
    side, cap = mine & ~up, mine & up
    assert side.sum() > 100
    assert cap.sum() > 50
    below_cap = cap & np.roll(side, -1, 0)
    assert labels["edge"][below_cap].all()
    inner = side & np.roll(side, -1, 0) & np.roll(side, -1, 1)
    assert not labels["edge"][inner].any()


def test_creases_of_one_box_are_edges():
    box = hand_made(Part(Shape.BOX, (0.0, 1.0, -2.0), (0.4, 0.4, 0.4), GREY, yaw=pi / 4))
    labels = draw(box).labels
    assert labels["edge"][34, 30:35].sum() == 1  # its vertical edge is straight ahead, on column 32


def test_salient_is_the_central_one_of_two_equal_objects():
    places = ((0.0, 1.2, -2.0), (0.8, 1.2, -2.0))
    things = tuple(Thing("chair", (Part(Shape.BOX, at, (0.25,) * 3, GREY),)) for at in places)
    labels = draw(replace(hand_made(), things=things)).labels
    assert labels["saliency"][32, 32] == 1
    assert labels["saliency"][32, 60] == 0
    assert labels["semseg"][32, 60] == labels["semseg"][32, 32] == CLASSES.index("chair")


def test_wall_things_are_never_salient():
    part = Part(Shape.BOX, (0.0, 1.2, -2.9), (0.6, 0.6, 0.1), GREY)
    assert not draw(hand_made(part, semantic="picture")).labels["saliency"].any()


# Against an independent renderer


def reference_hit(scene: Scene, origin: np.ndarray, ray: np.ndarray) -> tuple[float, int]:
    """Nearest hit of one ray in double precision, primitive by primitive, with geometry instead of slabs."""
    hits = []
    for k, part in enumerate(part for thing in scene.things for part in thing.parts):
        turn = scene.primitives.rotation[k].astype(float).T
        o, d, half = turn @ (origin - np.array(part.centre)), turn @ ray, np.array(part.half)
        hits += [(t, k) for t in REFERENCE[part.shape](o, d, half) if t > 0]
    return min(hits, default=(np.inf, -1))


def faces(o, d, half, axes=(0, 1, 2), within=None):
    """Where a ray crosses the planes of a box's faces inside their outlines."""
    found = []
    for axis in axes:
        for sign in (-1, 1):
            t = (sign * half[axis] - o[axis]) / d[axis]
            p = (o + t * d) / half
            if within(p) if within else np.abs(np.delete(p, axis)).max() <= 1:
                found.append(t)
    return found


def roots(o, d, half, axes):
    o, d = o[axes] / half[axes], d[axes] / half[axes]
    found = np.roots([d @ d, 2 * o @ d, o @ o - 1])
    return [float(t) for t in found if np.isreal(t)]


def cylinder(o, d, half):
    caps = faces(o, d, half, (1,), lambda p: p[0] ** 2 + p[2] ** 2 <= 1)
    return caps + [t for t in roots(o, d, half, [0, 2]) if abs(o[1] + t * d[1]) <= half[1]]


REFERENCE = {
    Shape.BOX: faces,
    Shape.CYLINDER: cylinder,
    Shape.ELLIPSOID: lambda o, d, half: roots(o, d, half, [0, 1, 2]),
}


@pytest.mark.parametrize("index", range(3))
def test_drawn_scenes_agree_with_a_plain_double_precision_ray_caster(index):
    scene, camera = view("rooms", 0, "train", index)
    hits, rays = cast(scene, camera, 16, 16), camera.rays(16, 16).astype(float)
    wrong = 0
    for row, column in np.ndindex(16, 16):
        depth, primitive = reference_hit(scene, np.array(camera.position), rays[:, row, column])
        surface = hits.surface[row, column]
        if primitive != surface - 6 and not (surface < 6 and depth >= hits.depth[row, column]):
            wrong += 1  # a ray within rounding of a silhouette
        elif surface >= 6:
            assert hits.depth[row, column] == pytest.approx(depth, rel=1e-4)
    assert wrong <= 1


def test_planar_surfaces_satisfy_the_plane_equation():
    scene, camera = view("rooms", 0, "train", 5)
    hits, labels = cast(scene, camera, 64, 64), draw(scene, camera, 64).labels
    shapes = np.array([Shape.BOX] * 6 + scene.primitives.shape)
    x = ((2 * np.arange(64) + 1) / 64 - 1) * camera.tangent
    point = np.stack(np.broadcast_arrays(x[None, :], -x[:, None], -1.0), -1) * labels["depth"][..., None]
    checked = 0
    for facet in np.unique(hits.surface * 8 + hits.facet):
        on = hits.surface * 8 + hits.facet == facet
        if shapes[facet // 8] == Shape.BOX and on.sum() > 3:
            normals = labels["normals"][on]
            np.testing.assert_allclose(normals, normals[:1].repeat(len(normals), 0), atol=1e-5)
            assert np.ptp(point[on] @ normals[0]) < 1e-4  # metres
            checked += 1
    assert checked >= 5


def test_normals_agree_with_the_gradient_of_depth_inside_smooth_pieces():
    """Tangents of the back-projected depth are orthogonal to the normals, for curved pieces too."""
    scene, camera = view("rooms", 0, "train", 104)
    hits = cast(scene, camera, 256, 256)
    normals = camera_normals(camera, hits.normal)
    x = ((2 * np.arange(256) + 1) / 256 - 1) * camera.tangent
    point = np.stack(np.broadcast_arrays(x[None, :], -x[:, None], -1.0), -1) * hits.depth[..., None]
    piece = hits.surface * 8 + hits.facet
    same = piece[:, :-1] == piece[:, 1:]
    tangent = (point[:, 1:] - point[:, :-1])[same]
    middle = (normals[:, 1:] + normals[:, :-1])[same] / 2
    slope = np.abs((tangent * middle).sum(-1)) / np.linalg.norm(tangent, axis=-1)
    assert np.quantile(slope, 0.99) < 0.02


def mirrored(scene: Scene, camera: Camera) -> tuple[Scene, Camera]:
    def part(p: Part) -> Part:
        return p._replace(centre=(-p.centre[0], *p.centre[1:]), yaw=-p.yaw)

    things = tuple(replace(thing, parts=tuple(map(part, thing.parts))) for thing in scene.things)
    flip = np.diag([-1.0, 1.0, 1.0])
    position = (-camera.position[0], *camera.position[1:])
    return replace(scene, things=things), Camera(position, flip @ camera.axes @ flip, camera.tangent)


@pytest.mark.parametrize("index", range(4))
def test_a_mirrored_scene_gives_mirrored_labels_with_the_x_of_normals_negated(index):
    scene, camera = view("rooms", 0, "train", index)
    here, there = draw(scene, camera, 64).labels, draw(*mirrored(scene, camera), 64).labels
    same = here["semseg"] == there["semseg"][:, ::-1]
    assert same.mean() > 0.998
    close = np.abs(here["depth"] - there["depth"][:, ::-1]) < 1e-3
    assert close.mean() > 0.998
    turned = there["normals"][:, ::-1] * np.array([-1, 1, 1])
    assert (np.abs(here["normals"] - turned).max(-1) < 1e-3).mean() > 0.998


def test_every_visible_normal_faces_the_camera():
    for index in range(8):
        scene, camera = view("rooms", 0, "train", index)
        hits, rays = cast(scene, camera, 64, 64), camera.rays(64, 64)
        assert ((hits.normal * rays).sum(axis=0) < 1e-4).all()


# Image


def test_image_is_grey_in_a_grey_room_and_darker_in_the_shadow():
    plate = Part(Shape.BOX, (0.0, 1.0, -1.5), (0.4, 0.02, 0.4), GREY)
    scene = hand_made(plate)
    scene = replace(scene, lights=(Light((0.0, 2.2, -1.5), (1.0, 1.0, 1.0), 2.0),))
    camera = Pose((0.0, 1.5, 1.5), 0.0, -0.4, 0.0, pi / 3).camera()
    hits = cast(scene, camera, 64, 64)
    image = shade(scene, hits, stream("s"))
    assert np.ptp(image.astype(int), axis=-1).max() == 0
    away = np.hypot(hits.point[0], hits.point[2] + 1.5)
    floor = hits.surface == 2
    assert (floor & (away < 0.4)).any()
    assert image[floor & (away < 0.4)].max() < image[floor & (away > 1.2) & (away < 1.4)].min()


def test_noise_is_the_sensor_streams_and_changes_no_label():
    scene, camera = view("rooms", 0, "train", 0)
    noisy = replace(scene, noise=0.02)
    a, b = (render(noisy, camera, 64, 64, stream(name)) for name in "ab")
    difference = a.image.astype(float) - b.image
    assert 0.02 * 255 * np.sqrt(2) * 0.7 < difference.std() < 0.02 * 255 * np.sqrt(2) * 1.1
    for name in a.labels:
        np.testing.assert_array_equal(a.labels[name], b.labels[name])


def test_patterns_stay_between_the_two_colours():
    u = stream("u").uniform(-20, 20, (3, 4000)).astype(np.float32)
    for pattern in Pattern:
        values = pattern_values(np.full(4000, pattern, np.float32), u)
        assert values.min() >= 0
        assert values.max() <= 1
        assert pattern is Pattern.PLAIN or values.std() > 0.1
