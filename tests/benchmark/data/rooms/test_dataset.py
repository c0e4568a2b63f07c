"""The rooms as a data set: formats, determinism, variants, configuration, speed."""

from __future__ import annotations

import time
from math import pi

import numpy as np
import pytest
from pydantic import ValidationError

from benchmark.data.rooms import CLASSES, RoomsConfig, RoomsSplit, open_rooms
from benchmark.data.rooms.dataset import CLIP_FRAMES
from benchmark.data.rooms.draws import Draws, stream
from benchmark.data.rooms.layout import Place, furnish

VARIANTS = ("rooms", "rooms-longtail", "rooms-video")


def split(variant: str, name="train", **options) -> RoomsSplit:
    return RoomsSplit(RoomsConfig(variant=variant, **options), name)


@pytest.fixture(scope="module", params=VARIANTS)
def samples(request):
    """Some images of each variant; in a video one of each clip."""
    step = CLIP_FRAMES if request.param == "rooms-video" else 1
    images = split(request.param, pool=1000)
    return [images[k * step] for k in range(24)]


def equal(a, b) -> bool:
    return np.array_equal(a.image, b.image) and all(
        np.array_equal(a.labels[n], b.labels[n]) for n in a.labels
    )


def test_labels_have_the_formats_of_the_contract(samples):
    for sample in samples:
        assert sample.image.shape == (64, 64, 3)
        assert sample.image.dtype == np.uint8
        kinds = {
            "semseg": np.uint8,
            "depth": np.float32,
            "normals": np.float32,
            "edge": np.uint8,
            "saliency": np.uint8,
        }
        assert {name: label.dtype.type for name, label in sample.labels.items()} == kinds
        assert sample.labels["semseg"].max() < len(CLASSES)
        for name in ("edge", "saliency"):
            assert sample.labels[name].shape == (64, 64)
            assert set(np.unique(sample.labels[name])) <= {0, 1}
        assert 0 < sample.labels["depth"].min() <= sample.labels["depth"].max() < 10
        np.testing.assert_allclose(np.linalg.norm(sample.labels["normals"], axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_configuration_gives_the_same_image_in_any_order_and_any_pool(variant):
    small, large = split(variant, pool=13), split(variant, pool=40)
    large[30]
    assert all(equal(small[k], large[k]) for k in (12, 0, 7))
    assert large.ids[:13] == small.ids
    assert not equal(small[0], split(variant, seed=1)[0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_another_resolution_shows_the_same_scene(variant):
    """At three times the resolution every third pixel centre is the same ray, bit for bit."""
    low, high = (split(variant, height=h, width=w)[4].labels for h, w in ((32, 48), (96, 144)))
    for name in ("semseg", "depth", "normals"):
        np.testing.assert_array_equal(low[name], high[name][1::3, 1::3])
    assert np.mean(low["saliency"] == high["saliency"][1::3, 1::3]) > 0.97


@pytest.mark.parametrize("variant", VARIANTS)
def test_val_has_other_scenes_than_train(variant):
    train, val = split(variant), split(variant, "val")
    assert not set(train.ids) & set(val.ids)
    depths = {
        name: [s[k].labels["depth"].tobytes() for k in range(20)] for name, s in (("t", train), ("v", val))
    }
    assert not set(depths["t"]) & set(depths["v"])


def test_ids_name_the_image():
    assert split("rooms").ids[42] == "rooms-train-00042"
    assert split("rooms-longtail", "val").ids[3] == "rooms-longtail-val-00003"
    assert split("rooms-video").ids[37] == "rooms-video-train-c003-f07"
    assert len(set(split("rooms-video", pool=333).ids)) == 333


def test_positions_outside_the_split_are_refused():
    for position in (-1, 5):
        with pytest.raises(IndexError, match="outside the 5 images of train"):
            split("rooms", pool=5)[position]


def visible(variant: str, positions: range) -> np.ndarray:
    """Share of images that show each class on at least 20 pixels."""
    images = split(variant, pool=10_000)
    counts = [np.bincount(images[k].labels["semseg"].ravel(), minlength=len(CLASSES)) for k in positions]
    return (np.array(counts) >= 20).mean(axis=0)


def test_every_class_appears_in_the_mixed_rooms_and_rare_ones_are_rare_in_the_long_tail():
    mixed, longtail = visible("rooms", range(200)), visible("rooms-longtail", range(250))
    assert mixed.min() > 0.04
    rare = [CLASSES.index(name) for name in ("bed", "lamp", "plant", "clutter")]
    assert longtail[rare].min() > 0
    assert longtail[rare].max() < 0.12
    assert np.delete(longtail, rare).min() > 0.1


def test_frames_of_a_clip_are_near_identical_and_clips_are_not():
    images = split("rooms-video", pool=200)

    def depth(clip: int, frame: int) -> np.ndarray:
        return images[clip * CLIP_FRAMES + frame].labels["depth"]

    neighbours = [np.abs(depth(c, 0) - depth(c, 1)).mean() for c in range(20)]
    others = [np.abs(depth(c, 0) - depth(c + 1, 0)).mean() for c in range(19)]
    assert np.median(neighbours) < 0.1
    assert np.median(others) > 5 * np.median(neighbours)
    assert min(neighbours) > 0  # yet no two frames are equal


@pytest.mark.parametrize("index", range(12))
def test_things_stand_inside_their_room(index):
    plan = furnish("rooms", Draws(stream("layout", index)))
    limit = np.array(plan.size) / 2
    for thing in plan.things:
        for part in thing.parts:
            assert abs(part.centre[0]) < limit[0]
            assert abs(part.centre[2]) < limit[2]
            assert 0 <= part.centre[1] < plan.size[1] + 0.6


def test_places_compose_like_rotations():
    place = Place(1.0, 2.0, pi / 2).beside(0.0, 1.0, pi / 2)
    assert (place.x, place.z, place.yaw) == pytest.approx((2.0, 2.0, pi))


def test_colour_alone_does_not_give_the_class():
    """The best guess per colour cell (8 levels a channel), learnt on some images, is poor on others."""
    images = split("rooms")
    cells, classes = [], []
    for k in range(120):
        sample = images[k]
        cells.append((sample.image // 32).astype(int) @ [64, 8, 1])
        classes.append(sample.labels["semseg"])
    table = np.zeros((512, len(CLASSES)))
    np.add.at(table, (np.array(cells[:80]).ravel(), np.array(classes[:80]).ravel()), 1)
    guess, truth = table.argmax(1)[np.array(cells[80:])], np.array(classes[80:])
    overlap = [
        ((guess == c) & (truth == c)).sum() / max(1, ((guess == c) | (truth == c)).sum()) for c in range(14)
    ]
    assert np.mean(overlap) < 0.2


# Configuration


@pytest.mark.parametrize("wrong", [{"pool": 0}, {"height": 8}, {"variant": "halls"}, {"colour": 1}])
def test_wrong_configurations_are_refused(wrong):
    with pytest.raises(ValidationError):
        RoomsConfig(**wrong)


def test_every_field_has_a_description():
    assert all(field.description for field in RoomsConfig.model_fields.values())


def test_open_rooms_hands_out_tasks_splits_and_a_digest_of_everything():
    data = open_rooms(RoomsConfig(pool=3, val=2))
    assert [task.name for task in data.tasks] == ["semseg", "depth", "normals", "edge", "saliency"]
    assert set(data.train[0].labels) == {task.name for task in data.tasks}
    assert (len(data.train.ids), len(data.val.ids)) == (3, 2)
    others = [
        {},
        {"variant": "rooms-video"},
        {"pool": 4},
        {"val": 3},
        {"height": 32},
        {"width": 32},
        {"seed": 1},
    ]
    digests = [open_rooms(RoomsConfig(**{"pool": 3, "val": 2, **other})).digest for other in others]
    assert digests[0] == data.digest
    assert len(set(digests)) == len(others)


# Speed: processor time, because wall time on a shared machine says nothing


def images_per_second(variant: str, count: int) -> float:
    images = split(variant, pool=count + 5)
    for k in range(5):
        images[count + k]
    start = time.process_time()
    for k in range(count):
        images[k]
    return count / (time.process_time() - start)


def test_rendering_is_not_slow():
    assert images_per_second("rooms", 60) > 60


@pytest.mark.perf
@pytest.mark.parametrize("variant", VARIANTS)
def test_rendering_speed(variant, capsys):
    speed = images_per_second(variant, 300)
    with capsys.disabled():
        print(f"\n{variant}: {speed:.0f} images/s at 64x64, one thread")
    assert speed > 60
