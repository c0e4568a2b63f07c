"""Companions that learn from labels: of the labelled images alone, while they are trained alone."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.dataset import Sample
from benchmark.errors import UserError
from benchmark.training.companions.label_losses import label_losses
from benchmark.training.train import weights_digest
from strategies.interface import Strategy


class Asking(nn.Module):
    """Asks for the loss of what the network predicts, and notes what it is told."""

    wants_labels = True

    def __init__(self, shapes):
        super().__init__()
        self.weight, self.told, self.kept = nn.Parameter(torch.ones(())), [], None

    def forward(self, outputs):
        return {}

    def loss(self, outputs, task_losses, generator, label_loss):
        self.kept = label_loss
        said = [label_loss(task.name, outputs.refined[task.name]) for task in outputs.tasks]
        self.told.append((torch.stack(said, 1), task_losses))
        return self.weight * torch.stack(said).nansum()


class Companions(Strategy):
    def companion(self, shapes):
        return Asking(shapes)


def asked(toy, **options):
    result = toy.train({"m": Companions()}, **options)
    return result.companions["m"]


def test_the_network_s_own_prediction_loses_what_the_network_is_told_of(toy):
    """NaN where there is no label, and only there."""
    feed = toy.feed_of(toy.sample(i, without=("depth",) if i % 3 == 0 else ()) for i in range(12))
    (told, expected), *_ = asked(toy, feed=feed, iterations=1, batch_size=12).told
    assert told.isnan().sum(0).tolist() == [0, 4, 0, 0]
    torch.testing.assert_close(told, expected, equal_nan=True)


@pytest.mark.parametrize("recipe", [{}, {"unlabelled": "pseudo", "pseudo_confidence": 0.1}])
def test_labels_of_images_that_are_not_labelled_make_no_difference(toy, recipe):
    """Pseudo-labels, which a student learns from, are no labels either: nothing is told of them."""

    def scrambled(position):
        sample = toy.sample(position)
        labels = {task: np.roll(label, 5, 0)[::-1].copy() for task, label in sample.labels.items()}
        return Sample(sample.image, labels)

    options = {"positions": range(8), "iterations": 4, "batch_size": 4, **recipe}
    plain = asked(toy, **options)
    other = asked(
        toy, feed=toy.feed_of([*map(toy.sample, range(8)), *map(scrambled, range(8, 12))]), **options
    )
    assert weights_digest(plain) == weights_digest(other)
    assert all(len(told) == len(losses) == 4 for told, losses in plain.told)
    nearer = asked(
        toy, feed=toy.feed_of([*map(scrambled, range(8)), *map(toy.sample, range(8, 12))]), **options
    )
    assert weights_digest(nearer) != weights_digest(plain), "labels of labelled ones do"


def test_whoever_keeps_the_losses_is_refused_them_later(toy):
    companion = asked(toy)
    with pytest.raises(UserError, match="asked for labels when it was not trained"):
        companion.kept("depth", torch.zeros(4, 1, 32, 32))


def test_losses_are_the_task_s_own_and_follow_the_prediction(toy):
    (task, *_), feed = toy.tasks(), toy.feed
    labels = {task.name: torch.tensor([[[0, 1], [255, 2]]], dtype=torch.uint8).expand(3, 2, 2)}
    known = torch.tensor([[True], [False], [True]])
    prediction = torch.randn(3, 3, 2, 2, requires_grad=True)
    with label_losses(labels, known, feed.tasks[:1]) as label_loss:
        losses = label_loss(task.name, prediction)
    log_p = prediction.detach().log_softmax(1)
    expected = -(log_p[:, 0, 0, 0] + log_p[:, 1, 0, 1] + log_p[:, 2, 1, 1]) / 3
    torch.testing.assert_close(losses[[0, 2]], expected[[0, 2]])
    assert losses[1].isnan()
    losses[[0, 2]].sum().backward()
    assert prediction.grad[1].abs().sum() == 0
    assert prediction.grad.isfinite().all()
