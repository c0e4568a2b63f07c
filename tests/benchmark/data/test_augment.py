"""Augmentation is true to geometry: labels say the same of the picture after it as before."""

import numpy as np
import pytest
import torch

from benchmark.data.augment import MEAN, augmented
from benchmark.data.feed import Batch
from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.experiment.recipe import Augmentation
from benchmark.tasks import IGNORE, make_task

H, W = 24, 40
TASKS = (
    make_task("semseg", classes=tuple(map(str, range(12)))),
    make_task("depth"),
    make_task("normals"),
    make_task("edge"),
)
STILL = Augmentation(flip=False, zoom=(1.0,), colour=0.0)


def batch_of(count, seed=0, bad=0.1):
    """Random pictures and labels, invalid pixels among them."""
    rng = np.random.default_rng(seed)
    hole = rng.random((count, H, W)) < bad
    vectors = rng.normal(size=(count, 3, H, W))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = {
        "semseg": np.where(hole, IGNORE, rng.integers(0, 12, (count, H, W))).astype(np.uint8),
        "depth": np.where(hole, np.nan, rng.uniform(1, 9, (count, H, W))).astype(np.float32),
        "normals": np.where(hole[:, None], 0, vectors).astype(np.float32),
        "edge": np.where(hole, IGNORE, rng.integers(0, 2, (count, H, W))).astype(np.uint8),
    }
    images = rng.random((count, 3, H, W), np.float32)
    return Batch(torch.from_numpy(images), {task: torch.from_numpy(label) for task, label in labels.items()})


def coordinates(count):
    """The picture's red and green hold each pixel's place (0..1), depth its column, semseg its column by 4,
    and normals point away from the middle column, so that a true mirror image is known.
    """
    row, column = np.mgrid[:H, :W].astype(np.float32)
    x = (column + 0.5) / W
    picture = np.stack([x, (row + 0.5) / H, np.full_like(x, 0.5)])
    across = 2 * x - 1
    normals = np.stack([across, np.zeros_like(x), np.sqrt(1 - across**2)])
    labels = {
        "semseg": (column // 4).astype(np.uint8),
        "depth": 1 + x,
        "normals": normals,
        "edge": (column == 5).astype(np.uint8),
    }
    return Batch(
        torch.from_numpy(picture).expand(count, -1, -1, -1).clone(),
        {t: torch.from_numpy(v).expand(count, *v.shape).clone() for t, v in labels.items()},
    )


def run(batch, how, seed=0, tasks=TASKS):
    return augmented(batch, tasks, how, torch.Generator().manual_seed(seed))


def assert_same(one, two, **tolerance):
    torch.testing.assert_close(one.images, two.images, **tolerance)
    for task in one.labels:
        torch.testing.assert_close(one.labels[task], two.labels[task], equal_nan=True, **tolerance)


def part(batch, which):
    return Batch(batch.images[which], {task: label[which] for task, label in batch.labels.items()})


def test_nothing_asked_for_changes_nothing():
    batch = batch_of(4)
    assert_same(run(batch, STILL), batch, rtol=0, atol=0)
    assert_same(run(batch, Augmentation(flip=False, zoom=())), batch, rtol=0, atol=0)


def test_about_half_of_the_images_are_mirrored_with_their_labels():
    batch = batch_of(64)
    out = run(batch, Augmentation(flip=True))
    mirrored = 0
    for i in range(64):
        if torch.equal(out.images[i], batch.images[i]):
            assert_same(part(out, [i]), part(batch, [i]), rtol=0, atol=0)
            continue
        mirrored += 1
        assert torch.equal(out.images[i], batch.images[i].flip(-1))
        for task in ("semseg", "depth", "edge"):
            expected = batch.labels[task][i].flip(-1)
            torch.testing.assert_close(out.labels[task][i], expected, equal_nan=True)
        x, y, z = batch.labels["normals"][i].flip(-1)
        torch.testing.assert_close(out.labels["normals"][i], torch.stack([-x, y, z]))
    assert 20 <= mirrored <= 44


def test_the_mirror_image_of_a_symmetric_scene_has_the_labels_of_that_scene():
    """Normals that point away from the middle do so in the mirror, too; depth mirrors with the picture."""
    scene = coordinates(16)
    out = run(scene, Augmentation(flip=True))
    torch.testing.assert_close(out.labels["normals"], scene.labels["normals"], rtol=0, atol=1e-6)
    torch.testing.assert_close(out.labels["depth"], 1 + out.images[:, 0])
    column = out.images[:, 0] * W - 0.5
    assert torch.equal(out.labels["semseg"], (column.round() // 4).to(torch.uint8))
    assert len(torch.unique(out.images[:, 0, 0, 0])) == 2, "some were mirrored and some not"


@pytest.mark.parametrize("factor", [1.0, 1.2, 1.5, 2.0, 3.0])
def test_zoom_keeps_picture_and_labels_aligned(factor):
    """Every pixel of the picture tells where it came from; its labels came from within a pixel of there."""
    out = run(coordinates(8), Augmentation(flip=False, zoom=(factor,)))
    x = out.images[:, 0].clamp(0.5 / W, 1 - 0.5 / W)
    came_from = out.labels["depth"] * factor - 1  # metres are divided by the factor
    assert ((came_from - x).abs() <= 0.51 / W).all()
    assert (out.labels["semseg"] == (came_from * W - 0.5).round() // 4).all()
    assert torch.equal(out.labels["edge"] == 1, (came_from * W - 0.5).round() == 5)
    torch.testing.assert_close(out.labels["normals"][:, 0], 2 * came_from - 1, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [1.2, 2.0])
def test_zoom_shows_a_window_of_the_right_size_inside_the_picture(factor):
    out = run(coordinates(64), Augmentation(flip=False, zoom=(factor,)))
    x, y = out.images[:, 0], out.images[:, 1]
    for values, size in ((x[:, 0], W), (y[:, :, 0], H)):
        step = (values[:, size // 2] - values[:, size // 2 - 1]) * size
        torch.testing.assert_close(step, torch.full((64,), 1 / factor), rtol=1e-3, atol=0)
        start = values[:, 0]
        assert start.min() >= 0.5 / size / factor - 1e-6
        assert start.max() - start.min() > 0.5 * (1 - 1 / factor), "windows lie at different places"


def test_zoom_by_two_takes_every_value_from_the_picture_and_invents_none():
    batch = batch_of(6)
    out = run(batch, Augmentation(flip=False, zoom=(2.0,)))
    for i in range(6):
        for task in ("semseg", "edge"):
            assert set(out.labels[task][i].unique().tolist()) <= set(batch.labels[task][i].unique().tolist())
        depth = out.labels["depth"][i]
        original = batch.labels["depth"][i]
        assert torch.isin(2 * depth[depth.isfinite()], original[original.isfinite()]).all()
        length = out.labels["normals"][i].norm(dim=0)
        assert ((length == 0) | ((length - 1).abs() < 1e-5)).all()


def test_invalid_pixels_stay_invalid_through_everything():
    batch = batch_of(8, bad=0.3)
    out = run(batch, Augmentation(flip=True, zoom=(1.0, 1.3, 2.0), colour=0.3))
    holes = [~task.valid(out.labels[task.name]) for task in TASKS]
    assert all(torch.equal(hole, holes[0]) for hole in holes), "one pixel's labels come from one pixel"
    assert 0.2 < holes[0].float().mean() < 0.4
    all_bad = run(batch_of(3, bad=1.1), Augmentation(flip=True, zoom=(1.5,)))
    assert not any(task.valid(all_bad.labels[task.name]).any() for task in TASKS)


def test_each_zoom_factor_comes_up():
    out = run(coordinates(90), Augmentation(flip=False, zoom=(1.0, 1.5, 3.0)))
    step = (out.images[:, 0, 0, W // 2] - out.images[:, 0, 0, W // 2 - 1]) * W
    times = [int(((step - 1 / factor).abs() < 0.01).sum()) for factor in (1.0, 1.5, 3.0)]
    assert sum(times) == 90
    assert min(times) > 15


def test_colour_touches_the_picture_only():
    batch = batch_of(16)
    out = run(batch, Augmentation(flip=False, colour=0.4))
    for task in batch.labels:
        torch.testing.assert_close(out.labels[task], batch.labels[task], equal_nan=True, rtol=0, atol=0)
    assert out.images.min() >= 0
    assert out.images.max() <= 1
    brightness = out.images.mean((1, 2, 3)) / batch.images.mean((1, 2, 3))
    assert brightness.std() > 0.05
    assert ((brightness > 0.55) & (brightness < 1.45)).all()


def test_colour_changes_every_pixel_along_one_line():
    """Where nothing is clipped, brightness and contrast are one linear map per image."""
    batch = coordinates(4)
    batch = Batch(0.4 + 0.2 * batch.images, batch.labels)
    out = run(batch, Augmentation(flip=False, colour=0.2)).images.double()
    for before, after in zip(batch.images.double(), out, strict=True):
        slope, offset = np.polyfit(before.flatten(), after.flatten(), 1)
        np.testing.assert_allclose(after, slope * before + offset, atol=1e-5)
        assert 0.8 <= slope <= 1.2


@pytest.mark.parametrize(
    "how", [{"scale": (0.4, 0.9)}, {"rotation": 60}, {"scale": (0.5, 2), "rotation": 20}]
)
def test_scale_and_rotation_keep_picture_and_labels_aligned_and_ignore_what_lies_beyond(how):
    scene = coordinates(32)
    out = run(scene, Augmentation(flip=True, **how))
    inside = out.labels["depth"].isfinite()
    assert 0.1 < inside.float().mean() < 0.98
    for task in TASKS:
        assert torch.equal(task.valid(out.labels[task.name]), inside)
    mean = torch.tensor(MEAN).view(3, 1, 1).expand_as(out.images)
    outside = (~inside)[:, None].expand_as(out.images)
    assert torch.equal(out.images[outside], mean[outside])
    across = out.labels["semseg"].float() * 4 + 2  # the middle of the band of columns
    column = out.images[:, 0] * W
    assert ((across - column).abs()[inside] <= 2.51).all()


@pytest.mark.parametrize(("low", "high"), [(0.5, 2.0), (0.75, 1.25)])
def test_scales_fill_their_range_and_divide_depth(low, high):
    flat = coordinates(400)
    flat.labels["depth"].fill_(1.0)
    out = run(flat, Augmentation(flip=False, scale=(low, high)))
    factor = 1 / out.labels["depth"][:, H // 2, W // 2]
    assert factor.min() >= low - 1e-5
    assert factor.max() <= high + 1e-5
    quarters = ((factor - low) / (high - low) * 4).long().clamp(0, 3).bincount(minlength=4)
    assert quarters.min() > 65
    step = (out.images[:, 0, H // 2, W // 2 + 2] - out.images[:, 0, H // 2, W // 2]) * W / 2
    torch.testing.assert_close(step, 1 / factor, rtol=1e-3, atol=1e-4)


def test_a_picture_that_shrank_lies_in_the_middle_and_one_that_grew_is_cut_anywhere():
    small = run(coordinates(8), Augmentation(flip=False, scale=(0.5, 0.5)))
    inside = small.labels["depth"][0].isfinite().nonzero()
    assert inside.amin(0).tolist() == [H // 4, W // 4]
    assert inside.amax(0).tolist() == [3 * H // 4 - 1, 3 * W // 4 - 1]
    large = run(coordinates(64), Augmentation(flip=False, scale=(2.0, 2.0), crop=(12, 16)))
    assert large.images.shape == (64, 3, 12, 16)
    assert large.labels["depth"].isfinite().all()
    assert len(large.images[:, 0, 0, 0].unique()) > 20


def test_grey_has_no_hue_and_no_saturation_to_change():
    grey = torch.rand(16, 1, H, W).expand(-1, 3, -1, -1)
    out = run(Batch(grey, {}), Augmentation(flip=False, saturation=0.9, hue=180), tasks=())
    torch.testing.assert_close(out.images, grey, rtol=0, atol=2e-6)


def test_hue_and_saturation_keep_luminance_and_reach_as_far_as_they_say():
    colours = 0.4 + 0.2 * torch.rand(64, 3, H, W)
    weights = torch.tensor([0.213, 0.715, 0.072])

    def luminance_and_chroma(images):
        luminance = torch.einsum("c,bchw->bhw", weights, images)
        return luminance, (images - luminance[:, None]).flatten(1).norm(dim=1)

    before, chroma = luminance_and_chroma(colours)
    out = run(Batch(colours, {}), Augmentation(flip=False, saturation=0.5), tasks=())
    after, changed = luminance_and_chroma(out.images)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-3)
    ratio = changed / chroma
    assert 0.5 - 1e-3 <= ratio.min() < 0.6
    assert 1.4 < ratio.max() <= 1.5 + 1e-3
    out = run(Batch(colours, {}), Augmentation(flip=False, hue=90), tasks=())
    torch.testing.assert_close(luminance_and_chroma(out.images)[0], before, rtol=0, atol=1e-3)
    assert not torch.allclose(out.images, colours, atol=0.02)


def test_a_third_of_the_circle_of_hues_turns_red_to_green():
    red = torch.tensor([0.6, 0.2, 0.2]).view(1, 3, 1, 1).expand(90, 3, 2, 2)
    out = run(Batch(red, {}), Augmentation(flip=False, hue=180), tasks=()).images[:, :, 0, 0]
    assert {0, 1, 2} == set(out.argmax(1).tolist()), "reds, greens and blues"


def test_a_scale_that_falls_is_refused():
    fields = {"recipe": {"augmentation": {"scale": [2, 0.5]}}, "budgets": [1, 2], "strategies": ["random"]}
    with pytest.raises(UserError, match=r"recipe\.augmentation\.scale: .*smallest and the largest"):
        validated({**fields, "seeds": [0]}, "test")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_host_never_waits_for_the_device():
    batch = batch_of(4)
    batch = Batch(batch.images.cuda(), {task: label.cuda() for task, label in batch.labels.items()})
    run(batch, ALL)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run(batch, ALL)
    finally:
        torch.cuda.set_sync_debug_mode("default")


ALL = Augmentation(
    flip=True, zoom=(1.0, 1.2, 1.5), scale=(0.75, 1.25), rotation=20, colour=0.2, saturation=0.2, hue=18
)


def test_the_same_generator_gives_the_same_batch():
    batch = batch_of(5)
    assert_same(run(batch, ALL, seed=3), run(batch, ALL, seed=3), rtol=0, atol=0)
    assert not torch.equal(run(batch, ALL, seed=3).images, run(batch, ALL, seed=4).images)


def test_an_image_does_not_depend_on_the_images_beside_it():
    one, two = batch_of(6, seed=1), batch_of(6, seed=2)
    mixed = Batch(
        torch.cat([one.images[:3], two.images[3:]]),
        {task: torch.cat([one.labels[task][:3], two.labels[task][3:]]) for task in one.labels},
    )
    assert_same(part(run(mixed, ALL), slice(3)), part(run(one, ALL), slice(3)))
    assert_same(part(run(mixed, ALL), slice(3, 6)), part(run(two, ALL), slice(3, 6)))


def test_the_batch_given_is_left_as_it_was():
    batch, again = batch_of(4), batch_of(4)
    run(batch, ALL)
    assert_same(batch, again, rtol=0, atol=0)


def test_as_many_random_numbers_are_drawn_whatever_is_switched_on():
    """So that one recipe's batches do not shift when another option is tried."""
    states = []
    for how in (STILL, ALL, Augmentation(flip=True)):
        generator = torch.Generator().manual_seed(0)
        augmented(batch_of(3), TASKS, how, generator)
        states.append(torch.rand(1, generator=generator).item())
    assert len(set(states)) == 1


def test_a_crop_is_a_window_of_picture_and_labels_alike():
    out = run(coordinates(40), Augmentation(flip=False, crop=(8, 12)))
    assert out.images.shape == (40, 3, 8, 12)
    assert out.labels["normals"].shape == (40, 3, 8, 12)
    torch.testing.assert_close(out.labels["depth"], 1 + out.images[:, 0])
    column = (out.images[:, 0] * W - 0.5).round()
    assert torch.equal(out.labels["semseg"], (column // 4).to(torch.uint8))
    lefts, tops = column[:, 0, 0], (out.images[:, 1, 0, 0] * H - 0.5).round()
    assert lefts.min() >= 0
    assert lefts.max() <= W - 12
    assert len(lefts.unique()) > 10
    assert tops.min() >= 0
    assert tops.max() <= H - 8
    assert len(tops.unique()) > 8
    assert (column[:, 0].diff(dim=1) == 1).all(), "pixels are cut, never resampled"


def test_a_crop_larger_than_the_picture_keeps_its_side_whole():
    batch = coordinates(3)
    assert run(batch, Augmentation(flip=False, crop=(8, 999))).images.shape[-2:] == (8, W)
    assert_same(run(batch, Augmentation(flip=False, crop=(999, 999))), batch, rtol=0, atol=0)
