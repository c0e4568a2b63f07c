"""What references are told of a pool, and nobody else; and the metric of rare classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import baselines  # noqa: F401
from benchmark.data.feed import Feed, open_feed
from benchmark.data.rooms.dataset import CLIP_FRAMES, RoomsConfig, open_rooms
from benchmark.errors import UserError
from benchmark.protocol.pool_facts import check_facts, class_shares, group_numbers, told
from benchmark.tasks import make_task
from benchmark.tasks.task import IGNORE
from strategies.interface import Known, Strategy
from strategies.registry import resolve

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def video():
    return open_rooms(RoomsConfig(variant="rooms-video", pool=25, val=3, height=32, width=32))


class Curious(Strategy):
    """Wants to know what only references may."""

    knows = ("groups", "classes")


def test_shares_are_those_of_the_labels(video):
    shares = class_shares(open_feed(video, "train", CPU))
    assert list(shares) == ["semseg"]
    for position in (0, 13, 24):
        label = video.train[position].labels["semseg"]
        np.testing.assert_allclose(
            shares["semseg"][position], np.bincount(label.ravel(), minlength=14) / label.size
        )


def test_ignored_pixels_and_images_without_a_label_say_nothing(video):
    task = video.tasks[0]
    label = np.full((32, 32), IGNORE, np.uint8)

    class Split:
        ids = ("a", "b")

        def __getitem__(self, position):
            sample = video.train[0]
            own = label.copy()
            own[:2, :3] = 4
            own[0, 0] = 5
            return replace(sample, labels={"semseg": own} if position else {})

    shares = class_shares(Feed(Split(), (task,), CPU))["semseg"]
    assert np.isnan(shares[0]).all()
    assert shares[1, 4] == pytest.approx(5 / 6)
    assert shares[1, 5] == pytest.approx(1 / 6)


def test_groups_of_a_video_are_its_clips(video):
    numbers = group_numbers(video)
    assert numbers.tolist() == [index // CLIP_FRAMES for index in range(25)]
    assert set(video.groups) == set(video.train.ids)
    assert open_rooms(RoomsConfig(pool=3, val=1)).groups is None


def test_an_image_without_a_group_is_named(video):
    lacking = replace(video, groups={k: v for k, v in video.groups.items() if k != video.train.ids[7]})
    with pytest.raises(UserError, match=f"none of '{video.train.ids[7]}'"):
        group_numbers(lacking)


def test_only_references_may_know(video):
    with pytest.raises(ValueError, match="groups and classes, which only references are told"):
        check_facts(Curious(), video)
    with pytest.raises(ValueError, match="this data set says none"):
        check_facts(resolve("known-groups").create(), replace(video, groups=None))
    for name in ("known-groups", "known-classes", "random"):
        check_facts(resolve(name).create(), video)


def test_a_bench_tells_each_what_it_may_know_and_no_more(small_bench, tmp_path):
    bench = small_bench(tmp_path, dataset="rooms-video")
    groups, classes = (bench.known(resolve(f"known-{what}").create()) for what in ("groups", "classes"))
    assert groups.groups is not None
    assert not groups.classes
    assert classes.groups is None
    assert list(classes.classes) == ["semseg"]
    for strategy in (Curious(), resolve("random").create(), resolve("true-loss").create()):
        assert bench.known(strategy) == Known()


def test_a_frozen_trunk_is_asked_for_before_anything_is_trained(small_bench, tmp_path):
    frozen = {"backbone": "tf_efficientnet_lite0", "pretrained": True, "frozen": True, "width": 8}
    names = ["core-set[features=trunk]", "power[base=density[features=trunk]]", "random"]
    small_bench(tmp_path, strategies=names, network=frozen)
    for name in names[:2]:
        told = "it reads the maps of a frozen trunk, and .* is trained: set network.frozen and network.pre"
        with pytest.raises(UserError, match=told):
            small_bench(tmp_path, strategies=[name])
    small_bench(tmp_path, strategies=["core-set[features=tasks]", "density"])


def test_data_without_groups_are_refused_before_anything_is_trained(small_bench, tmp_path):
    with pytest.raises(UserError, match="'known-groups' cannot run on rooms: it needs groups of images"):
        small_bench(tmp_path, strategies=["known-groups"])


def test_the_metric_of_rare_classes_is_the_mean_over_them_alone():
    task = make_task("semseg", classes=("a", "b", "c", "d"))
    shares = np.zeros((30, 4))
    shares[:, 0], shares[:20, 1] = 0.6, 0.4
    shares[:2, 2], shares[:1, 3] = 0.2, 0.2
    (known,) = told((task,), {"semseg": shares})
    assert (known.rare, task.rare) == ((2, 3), ())
    rng = np.random.default_rng(0)
    label, said = (torch.from_numpy(rng.integers(0, 4, (2, 6, 6))) for _ in range(2))
    logits = torch.nn.functional.one_hot(said, 4).permute(0, 3, 1, 2).float()
    measured = {}
    for name, one in (("plain", task), ("known", known)):
        meter = one.meter()
        meter.update(logits, label.to(torch.uint8))
        measured[name] = meter.compute()
    ious = [((label == c) & (said == c)).sum() / ((label == c) | (said == c)).sum() for c in (2, 3)]
    assert measured["known"].pop("miou_rare") == pytest.approx(100 * float(sum(ious) / 2))
    assert measured["known"] == measured["plain"]
    empty = known.meter()
    empty.update(logits, torch.full((2, 6, 6), IGNORE, dtype=torch.uint8))
    assert all(np.isnan(value) for value in empty.compute().values())
