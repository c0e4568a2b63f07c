"""Labels bought by themselves: others do not exist, and a task pulls as hard whatever its share of labels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.dataset import Sample
from benchmark.data.feed import labelled, shuffled
from benchmark.errors import UserError
from benchmark.training.known_labels import KnownLabels, spread
from benchmark.training.losses import objective, task_losses
from benchmark.training.train import weights_digest
from strategies.interface import Strategy

COUNT, TASKS, NORMALS = 12, 4, 2


def half(seed=0, count=COUNT):
    """About half of all labels, and at least one of each image."""
    rng = np.random.default_rng(seed)
    mask = rng.random((count, TASKS)) < 0.5
    mask[np.arange(count), rng.integers(0, TASKS, count)] = True
    return mask


def test_a_batch_has_the_labels_that_were_bought_and_no_others(toy):
    mask, where = half(), np.array([3, 0, 7, 11])
    batch, whole = toy.feed.with_labels(mask).batch(where), toy.feed.batch(where)
    torch.testing.assert_close(batch.images, whole.images, rtol=0, atol=0)
    np.testing.assert_array_equal(labelled(batch.labels, toy.feed.tasks).numpy(), mask[where])
    for row, image in enumerate(where):
        for column, task in enumerate(toy.feed.tasks):
            if mask[image, column]:
                torch.testing.assert_close(
                    batch.labels[task.name][row], whole.labels[task.name][row], equal_nan=True
                )


def garbled(toy, mask):
    """The same images, whose labels that were not bought are others."""

    def sample(at):
        good, bad = toy.sample(at), toy.sample(at + 100)
        names = [task.name for task in toy.tasks()]
        kept = dict(zip(names, mask[at], strict=True))
        return Sample(good.image, {n: (good if kept[n] else bad).labels[n] for n in names})

    return toy.feed_of(map(sample, range(COUNT))).with_labels(mask)


class Watching(torch.nn.Module):
    """Keeps what it is told of labels."""

    wants_labels = True

    def __init__(self):
        super().__init__()
        self.weight, self.told = torch.nn.Parameter(torch.ones(())), []

    def forward(self, outputs):
        return {}

    def loss(self, outputs, task_losses, generator, label_loss):
        said = torch.stack([label_loss(task.name, outputs.refined[task.name]) for task in outputs.tasks], 1)
        self.told.append((task_losses, said))
        return self.weight * torch.nansum(said)


class Watched(Strategy):
    def companion(self, shapes):
        return Watching()


@pytest.mark.parametrize("recipe", [{}, {"unlabelled": "pseudo", "pseudo_confidence": 0.1}])
def test_labels_that_were_not_bought_change_no_bit_of_a_network_and_no_companion_s_target(toy, recipe):
    mask = half()
    mask[8:] = False  # for pseudo-labels, where these are asked for
    positions, weights = range(8), np.random.default_rng(1).random((8, TASKS)) + 0.5
    runs = [
        toy.train({"w": Watched()}, feed, positions, weights, **recipe)
        for feed in (toy.feed.with_labels(mask), garbled(toy, mask))
    ]
    assert weights_digest(runs[0].network) == weights_digest(runs[1].network)
    told = [run.companions["w"].told for run in runs]
    for (one, said), (other, again) in zip(*told, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(said, again, rtol=0, atol=0, equal_nan=True)
        assert 0 < int(one.isnan().sum()) < one.numel()
        assert torch.equal(one.isnan(), said.isnan())


def test_weights_of_labels_that_were_not_bought_are_of_no_use(toy):
    mask, weights = half(), np.ones((COUNT, TASKS))
    feed = toy.feed.with_labels(mask)
    plain = toy.train(feed=feed, weights=weights)
    other = toy.train(feed=feed, weights=np.where(mask, weights, 7.0))
    assert weights_digest(plain.network) == weights_digest(other.network)


def gradient_of_an_epoch(toy, share):
    """Of normals alone, summed over the batches of one order of 40 images that are all the same."""
    tasks = tuple(t.changed(1.0 if t.name == "normals" else 0.0, {}) for t in toy.tasks())
    feed = toy.feed_of([toy.sample(5)] * 40, tasks)
    mask = np.ones((40, TASKS), np.bool_)
    mask[round(share * 40) :, NORMALS] = False
    feed = feed.with_labels(mask)
    known, network = KnownLabels.of(feed, np.arange(40)), toy.fresh().eval()  # without dropout
    expected = torch.from_numpy(known.expected(4)).float()
    for rows in known.batches(4, 10, np.random.default_rng(0)):
        batch = feed.batch(known.positions[rows])
        losses = task_losses(network(batch.images), batch, feed.tasks)
        objective(losses, torch.ones(()), feed.tasks, expected).backward()
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("share", [0.5, 0.1, 0.025])
def test_a_task_pulls_as_hard_over_an_epoch_whatever_its_share_of_labels(toy, share):
    """Also where a batch has less than one of its labels on average."""
    whole, part = gradient_of_an_epoch(toy, 1.0), gradient_of_an_epoch(toy, share)
    assert float(whole.norm()) > 0
    assert float((part - whole).norm() / whole.norm()) < 1e-4


def test_with_every_label_bought_the_objective_is_the_mean_over_the_batch(toy):
    feed, network = toy.feed, toy.fresh().train()
    batch = feed.batch(np.arange(4))
    losses = task_losses(network(batch.images), batch, feed.tasks)
    known = KnownLabels.of(feed.with_labels(np.ones((COUNT, TASKS), np.bool_)), np.arange(COUNT))
    np.testing.assert_array_equal(known.expected(4), np.full(TASKS, 4.0))
    expected = torch.from_numpy(known.expected(4)).float()
    one = torch.ones(())
    assert torch.equal(objective(losses, one, feed.tasks), objective(losses, one, feed.tasks, expected))


def test_a_feed_with_all_labels_knows_of_no_mask(toy):
    known = KnownLabels.of(toy.feed, np.arange(3))
    assert known.labels is None
    assert known.expected(4) is None
    rng, again = np.random.default_rng(2), np.random.default_rng(2)
    for one, other in zip(known.batches(4, 9, rng), shuffled(3, 4, 9, again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_image_without_any_of_the_labels_that_were_bought_is_left_out(toy):
    """The data lack what was bought of it: no batch is without a label."""
    feed = toy.feed_of(toy.sample(i, without=("depth",) if i < 2 else ()) for i in range(4))
    mask = np.zeros((4, TASKS), np.bool_)
    mask[:, 1] = True
    known = KnownLabels.of(feed.with_labels(mask), np.array([3, 1, 2, 0]))
    np.testing.assert_array_equal(known.positions, [3, 2])
    np.testing.assert_array_equal(known.weights(np.arange(16.0).reshape(4, 4))[:, 0], [0, 8])
    with pytest.raises(UserError, match="nothing can be trained"):
        KnownLabels.of(feed.with_labels(mask), np.array([0, 1]))


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 6))
def test_every_image_comes_once_in_an_order_and_no_batch_is_without_labels(seed, count, size):
    mask, rng = half(seed, count), np.random.default_rng(seed)
    known = KnownLabels(np.arange(count), mask)
    rows = np.concatenate(list(known.batches(size, 3 * count, rng)))
    for lap in range(len(rows) // count):
        assert sorted(rows[lap * count : (lap + 1) * count]) == list(range(count))
    assert mask[rows].any(1).all()


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_labels_of_a_rare_task_come_at_even_distances(seed, rare):
    """At most one more, or less, than its share in any stretch of images."""
    mask = np.ones((60, 2), np.bool_)
    mask[np.random.default_rng(seed).permutation(60)[rare:], 0] = False
    order = np.concatenate(list(spread(mask, 6, 10, np.random.default_rng(seed))))
    places = np.flatnonzero(mask[order, 0])
    assert len(places) == rare
    gaps = np.diff(places)
    assert not len(gaps) or (gaps.min() > 60 / rare - 3 and gaps.max() < 60 / rare + 3)
