"""Batches: what lies in them, and in which order images come."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.dataset import Sample
from benchmark.data.feed import Feed, shuffled
from benchmark.errors import UserError
from benchmark.tasks import make_task

TASKS = (make_task("semseg", classes=("a", "b")), make_task("depth"), make_task("normals"), make_task("edge"))
HEIGHT, WIDTH = 6, 8


class InMemory:
    """Samples in a list."""

    def __init__(self, samples):
        self.samples = samples
        self.ids = tuple(f"image-{i}" for i in range(len(samples)))

    def __getitem__(self, position):
        return self.samples[position]


def sample(seed, height=HEIGHT, width=WIDTH, without=()):
    rng = np.random.default_rng(seed)
    labels = {
        "semseg": rng.integers(0, 2, (height, width)).astype(np.uint8),
        "depth": rng.random((height, width), np.float32),
        "normals": rng.normal(size=(height, width, 3)).astype(np.float32),
        "edge": rng.integers(0, 2, (height, width)).astype(np.uint8),
    }
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Sample(image, {task: label for task, label in labels.items() if task not in without})


def feed_of(*samples):
    return Feed(InMemory(list(samples)), TASKS, torch.device("cpu"))


def test_a_batch_holds_the_images_and_labels_asked_for():
    samples = [sample(seed) for seed in range(5)]
    batch = feed_of(*samples).batch(torch.tensor([3, 1, 3]))
    assert batch.images.shape == (3, 3, HEIGHT, WIDTH)
    for row, position in enumerate((3, 1, 3)):
        want = samples[position]
        np.testing.assert_array_equal(batch.images[row].permute(1, 2, 0), want.image.astype(np.float32) / 255)
        for task in ("semseg", "depth", "edge"):
            np.testing.assert_array_equal(batch.labels[task][row], want.labels[task])
        vectors = batch.labels["normals"][row].permute(1, 2, 0)
        np.testing.assert_allclose(vectors, want.labels["normals"], rtol=2**-11)


def test_a_missing_label_is_valid_nowhere():
    batch = feed_of(sample(0), sample(1, without=("depth", "normals", "edge", "semseg"))).batch(
        torch.tensor([0, 1])
    )
    for task in TASKS:
        valid = task.valid(batch.labels[task.name]).flatten(1).any(1)
        assert valid.tolist() == [True, False]


def test_editing_a_batch_does_not_edit_the_data():
    feed = feed_of(sample(0))
    first = feed.batch(torch.tensor([0]))
    first.images.zero_()
    first.labels["depth"].zero_()
    again = feed.batch(torch.tensor([0]))
    assert again.images.any()
    assert again.labels["depth"].any()


def test_all_positions_come_once_in_order():
    feed = feed_of(*map(sample, range(7)))
    assert [part.tolist() for part in feed.in_order(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [part.tolist() for part in feed.in_order(100)] == [list(range(7))]
    assert len(feed) == 7
    assert feed.ids == tuple(f"image-{i}" for i in range(7))


def test_an_image_or_label_of_another_size_is_named():
    with pytest.raises(UserError, match=r"Image image-1: its image is 8 x 6 pixels.*6 x 8"):
        feed_of(sample(0), sample(1, WIDTH, HEIGHT))
    odd = Sample(sample(1).image, {"depth": np.ones((1, WIDTH), np.float32)})
    with pytest.raises(UserError, match="Image image-1: its depth is 1 x 8 pixels"):
        feed_of(sample(0), odd)


@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 30), st.integers(0, 9))
def test_every_batch_is_full_and_every_image_comes_equally_often(count, size, batches, seed):
    drawn = list(shuffled(count, size, batches, np.random.default_rng(seed)))
    assert [len(batch) for batch in drawn] == [size] * batches
    times = np.bincount(np.concatenate(drawn), minlength=count)
    assert len(times) == count
    assert times.max() - times.min() <= 1


def test_each_pass_over_the_images_has_an_order_of_its_own():
    drawn = np.concatenate(list(shuffled(50, 10, 10, np.random.default_rng(0))))
    first, second = drawn[:50], drawn[50:]
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(50))
    again = np.concatenate(list(shuffled(50, 10, 10, np.random.default_rng(0))))
    assert np.array_equal(drawn, again)
