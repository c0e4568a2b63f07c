"""Images that an oracle judges by are in no pool, lie in runs over the list, and keep groups together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.development import with_development_split
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.data.set_apart import RUNS, in_groups, runs_apart, with_images_set_apart
from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.protocol.bench import data_of

FIELDS = {"data": {"pool": 20, "val": 3}, "budgets": [2, 4], "strategies": ["random"], "seeds": [0]}


@pytest.fixture(scope="module")
def rooms():
    return open_rooms(RoomsConfig(pool=20, val=3, height=16, width=16))


def test_pool_and_images_apart_are_the_training_images_in_order(rooms):
    split = with_images_set_apart(rooms, 0.2)
    assert len(split.apart.ids) == 4
    assert sorted(split.train.ids + split.apart.ids, key=rooms.train.ids.index) == list(rooms.train.ids)
    assert not set(split.train.ids) & set(split.apart.ids)
    assert split.apart.ids == tuple(rooms.train.ids[place] for place in (4, 9, 14, 19))
    for part in (split.train, split.apart):
        for place, image in enumerate(part.ids):
            expected = rooms.train[rooms.train.ids.index(image)]
            np.testing.assert_array_equal(part[place].image, expected.image)
    assert split.val is rooms.val


def test_nearly_all_may_be_apart():
    assert runs_apart(33, 32) == [place for place in range(33) if place != 28]
    assert runs_apart(10, 10) == list(range(10))


@given(st.integers(1, 3000), st.data())
def test_so_many_are_apart_in_runs_of_nearly_one_length(count, data):
    held = data.draw(st.integers(1, count))
    found = runs_apart(count, held)
    assert len(found) == held
    assert found == sorted(set(found))
    assert 0 <= found[0] <= found[-1] < count
    # By counting: ten equal stretches, give or take a thing at their ends, hold as many each.
    runs = min(RUNS, held)
    for run in range(1, runs):
        before = (
            np.searchsorted(found, count * run / runs - 1),
            np.searchsorted(found, count * run / runs + 1),
        )
        assert before[0] - 1 <= held * run / runs <= before[1] + 1


def test_a_group_leaves_the_pool_whole():
    ids = [f"image-{place}" for place in range(5)]
    assert in_groups(ids, {"image-0": "a", "image-4": "a", "image-1": "image-3"}) == [[0, 4], [1], [2], [3]]
    video = open_rooms(RoomsConfig(variant="rooms-video", pool=100, val=2, height=16, width=16))
    split = with_images_set_apart(video, 0.3)
    assert 0 < len(split.apart.ids) <= 50
    apart, pool = ({video.groups[image] for image in part.ids} for part in (split.apart, split.train))
    assert not apart & pool


def test_each_share_is_another_data_set(rooms):
    digests = {rooms.digest, *(with_images_set_apart(rooms, share).digest for share in (0.1, 0.2))}
    assert len(digests) == 3


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_side_without_images_is_refused(rooms, share):
    with pytest.raises(UserError, match=r"oracle_split: .* leaves none on one side"):
        with_images_set_apart(rooms, share)


def test_one_group_alone_is_refused(rooms):
    one = replace(rooms, groups=dict.fromkeys(rooms.train.ids, "video"))
    with pytest.raises(UserError, match="oracle_split"):
        with_images_set_apart(one, 0.2)


def test_an_experiment_asks_for_it_beside_a_development_split():
    opened = data_of(validated(FIELDS | {"development": 0.5, "oracle_split": 0.2}, "test"))
    assert [len(part.ids) for part in (opened.train, opened.apart, opened.val)] == [8, 2, 10]
    assert "2 training images are in no pool" in opened.facts["oracle_split"]
    plain, same = data_of(validated(FIELDS, "test")), open_rooms(RoomsConfig(pool=20, val=3))
    assert (plain.apart, plain.digest) == (None, same.digest)
    assert with_development_split(same, 0.5).digest != opened.digest
