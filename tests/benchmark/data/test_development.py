"""The last training images stand for validation, and the official validation images are never read."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.data.development import with_development_split
from benchmark.data.rooms import RoomsConfig, open_rooms
from benchmark.errors import UserError
from benchmark.experiment.config import validated
from benchmark.protocol.bench import data_of


class Unread:
    """A split that nobody may look into."""

    ids = ("secret",)

    def __getitem__(self, position):
        raise AssertionError("a validation image was read")


@pytest.fixture
def rooms():
    return replace(open_rooms(RoomsConfig(pool=10, val=3, height=16, width=16)), val=Unread())


def test_pool_and_validation_are_the_training_list_in_order(rooms):
    split = with_development_split(rooms, 0.3)
    assert split.train.ids + split.val.ids == rooms.train.ids
    assert len(split.val.ids) == 3
    for position in range(3):
        np.testing.assert_array_equal(split.val[position].image, rooms.train[7 + position].image)


def test_no_position_beyond_a_part_is_read(rooms):
    split = with_development_split(rooms, 0.3)
    for position in (-1, 7):
        with pytest.raises(IndexError):
            split.train[position]


def test_each_share_is_another_data_set(rooms):
    digests = {rooms.digest, *(with_development_split(rooms, share).digest for share in (0.2, 0.3))}
    assert len(digests) == 3


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_side_without_images_is_refused(rooms, share):
    with pytest.raises(UserError, match=r"development: .* leaves none on one side"):
        with_development_split(rooms, share)


def test_an_experiment_asks_for_it():
    fields = {"data": {"pool": 10, "val": 3}, "budgets": [2, 4], "strategies": ["random"], "seeds": [0]}
    opened = data_of(validated(fields | {"development": 0.5}, "test"))
    assert len(opened.train.ids) == len(opened.val.ids) == 5
    assert "stand for validation" in opened.facts["development"]
