"""A second network learns from the first one's predictions too: which, with what weight, and nobody else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stopping import ALWAYS, NEVER, StoppedError, stopping
from told import Told
from torch import nn

import baselines  # noqa: F401
from benchmark.data.augment import augmented
from benchmark.data.dataset import Sample
from benchmark.data.feed import Batch
from benchmark.experiment.recipe import Recipe
from benchmark.networks import build_network
from benchmark.random_streams import global_torch_stream
from benchmark.training.checkpoint import KeptCheckpoint
from benchmark.training.train import train, weights_digest
from benchmark.training.unlabelled import pseudo_labels
from benchmark.training.unlabelled.pseudo_labels import pseudo_label
from strategies.interface import Strategy
from strategies.registry import resolve

LABELLED, ITERATIONS = range(5), 3
PSEUDO = {"unlabelled": "pseudo", "pseudo_confidence": 0.5}


def digest(toy, companions=None, positions=LABELLED, **options):
    return weights_digest(toy.train(companions, positions=positions, **options).network)


@pytest.fixture(scope="module")
def none(toy):
    return digest(toy)


@pytest.fixture(scope="module")
def pseudo(toy):
    return digest(toy, **PSEUDO)


# What stands for a label


def test_of_classes_the_sure_pixels_are_labels(toy):
    semseg = toy.tasks()[0]
    logits = torch.randn(2, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    found = pseudo_label(semseg, logits, 0.6)
    assert found.dtype == torch.uint8
    for image, row, column in np.ndindex(2, 6, 5):
        odds = np.exp(logits[image, :, row, column].double().numpy())
        share = odds.max() / odds.sum()
        assert found[image, row, column] == (odds.argmax() if share >= 0.6 else 255)


def test_of_yes_and_no_both_sides_must_be_sure(toy):
    edge = toy.tasks()[3]
    logits = torch.tensor([-3.0, -2.0, 0.0, 2.0, 3.0]).view(1, 1, 1, 5)
    assert pseudo_label(edge, logits, 0.9).tolist() == [
        [[0, 255, 255, 255, 1]]
    ]  # sigmoid(3) is .953, of 2 .881
    assert pseudo_label(edge, logits, 0.88).tolist() == [[[0, 0, 255, 1, 1]]]


def test_of_numbers_and_directions_every_pixel_is_one(toy):
    _, depth, normals, _ = toy.tasks()
    numbers = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pseudo_label(depth, numbers, 0.99), numbers[:, 0])
    vectors = torch.randn(2, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    found = pseudo_label(normals, vectors, 0.99)
    torch.testing.assert_close(found, vectors / vectors.norm(dim=1, keepdim=True))
    assert normals.valid(found).all()


# What is trained


def test_without_it_nothing_is_another(toy, none):
    assert digest(toy, unlabelled="none") == none
    plain, said = Recipe(), Recipe(unlabelled="none")
    assert plain.settings() == said.settings()
    assert not {name for name in plain.settings() if "pseudo" in name or name == "unlabelled"}
    assert Recipe(unlabelled="pseudo").settings() == plain.settings() | {"unlabelled": "pseudo"}


def test_the_first_network_is_that_of_labels_alone_and_the_second_is_another(toy, none, pseudo, monkeypatch):
    teachers, plain = set(), pseudo_labels.with_pseudo_labels

    def noting(batch, teacher, *rest):
        teachers.add(weights_digest(teacher))
        assert len(batch.images) == 4, "a batch at a time, never a pool"
        assert not batch.labels
        return plain(batch, teacher, *rest)

    monkeypatch.setattr(pseudo_labels, "with_pseudo_labels", noting)
    assert digest(toy, **PSEUDO) == pseudo != none
    assert teachers == {none}


def test_where_all_is_labelled_there_is_one_training(toy):
    assert digest(toy, positions=range(12), **PSEUDO) == digest(toy, positions=range(12))


def test_a_step_is_on_labels_and_with_its_weight_on_predictions(toy):
    """All of a student's one step by hand: batches, predictions, losses and plain gradient descent."""
    options = {"iterations": 1, "optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.1, "batch_size": 3}
    recipe = toy.recipe(**options, **PSEUDO, pseudo_weight=0.7)
    known, others = np.array([0, 2, 5, 7]), np.array([1, 3, 4, 6, 8, 9, 10, 11])
    found = train(toy.feed, known, None, toy.small, recipe, toy.streams, {}).network
    teacher = train(toy.feed, known, None, toy.small, toy.recipe(**options), toy.streams, {}).network.eval()
    own = replace(toy.streams, dataset="toy\0student")
    rows = own.numpy("batches").permutation(4)[:3]
    places = replace(own, dataset="toy\0student\0unlabelled").numpy("batches").permutation(8)[:3]
    real, bare = toy.feed.batch(known[rows]), toy.feed.batch(others[places], labels=False)
    with torch.no_grad():
        refined = teacher(bare.images).refined
    told = {task.name: pseudo_label(task, refined[task.name], 0.5) for task in toy.feed.tasks}
    labels = {task: torch.cat([label, told[task]]) for task, label in real.labels.items()}
    both = Batch(torch.cat([real.images, bare.images]), labels)
    both = augmented(both, toy.feed.tasks, recipe.augmentation, own.torch("augmentation"))
    with global_torch_stream(own.seed_of("weights")):
        student = build_network(toy.small, toy.feed.tasks).train()
    outputs, total = student(both.images), 0
    for task in toy.feed.tasks:
        label = both.labels[task.name]
        initial = nn.functional.interpolate(outputs.initial[task.name], (32, 32), mode="bilinear")
        each = task.loss(outputs.refined[task.name], label) + task.loss(initial, label)
        there = task.valid(label).flatten(1).any(1)
        for part, weight in ((slice(3), 1.0), (slice(3, 6), 0.7)):
            total = total + weight * task.weight * each[part][there[part]].sum() / max(there[part].sum(), 1)
    slopes = torch.autograd.grad(total, list(student.parameters()))
    for weight, slope, trained in zip(student.parameters(), slopes, found.parameters(), strict=True):
        torch.testing.assert_close(trained, weight - 0.1 * slope, rtol=1e-4, atol=1e-5)


def other_labels(sample):
    changed = {task: np.flip(label, 0).copy() for task, label in sample.labels.items()}
    return Sample(sample.image, changed)


def test_no_label_of_the_others_is_read_and_their_images_are(toy, pseudo):
    samples = [toy.sample(seed) for seed in range(12)]
    relabelled = [*samples[:5], *map(other_labels, samples[5:])]
    assert digest(toy, feed=toy.feed_of(relabelled), **PSEUDO) == pseudo
    bare = [*samples[:5], *(Sample(sample.image, {}) for sample in samples[5:])]
    assert digest(toy, feed=toy.feed_of(bare), **PSEUDO) == pseudo
    repainted = [*samples[:5], *(Sample(255 - sample.image, sample.labels) for sample in samples[5:])]
    assert digest(toy, feed=toy.feed_of(repainted), **PSEUDO) != pseudo


@pytest.mark.parametrize("changes", [{"pseudo_weight": 2.0}, {"pseudo_confidence": 0.0}])
def test_weight_and_confidence_change_what_is_learned(toy, pseudo, changes):
    assert digest(toy, **PSEUDO | changes) != pseudo


@pytest.mark.parametrize("changes", [{"label_stride": 2}, {"precision": "bf16"}, {"clip": 0.1}])
def test_it_goes_with_other_options(toy, pseudo, changes):
    assert digest(toy, **PSEUDO | changes) not in (pseudo, digest(toy, **changes))


def test_loss_weights_are_those_of_labelled_images(toy, pseudo):
    ones, more = np.ones((5, 4)), np.ones((5, 4))
    more[0] = 3
    assert digest(toy, weights=ones, **PSEUDO) == pseudo
    assert digest(toy, weights=more, **PSEUDO) != pseudo


class Listener(nn.Module):
    """Writes down what a companion is shown."""

    def __init__(self):
        super().__init__()
        self.bias, self.seen = nn.Parameter(torch.zeros(1)), []

    def forward(self, outputs):
        return {}

    def loss(self, outputs, task_losses, generator):
        self.seen.append((outputs, task_losses))
        return self.bias.sum()


class Listening(Strategy):
    def companion(self, shapes):
        self.module = Listener()
        return self.module


def test_companions_see_labelled_images_alone_and_change_nothing(toy, pseudo):
    strategy = Listening()
    companions = {"listening": strategy, "learning-loss": resolve("learning-loss").create()}
    assert digest(toy, companions, **PSEUDO) == pseudo
    assert len(strategy.module.seen) == ITERATIONS, "beside the second network"
    for outputs, losses in strategy.module.seen:
        shown = [*outputs.initial.values(), *outputs.refined.values(), *outputs.backbone_features, losses]
        assert {len(each) for each in shown} == {4}
        assert not any(each.requires_grad for each in shown)
        assert losses.isfinite().all(), "of real labels, which all of these images have"


# Checkpoints


def run(toy, folder, progress=int, minutes=NEVER, said=None, companions=("learning-loss",)):
    kept = KeptCheckpoint(folder, "round", minutes, said or Told())
    beside = {name: resolve(name).create() for name in companions}
    where = np.array(LABELLED)
    recipe = toy.recipe(**PSEUDO, iterations=ITERATIONS)
    return train(toy.feed, where, None, toy.small, recipe, toy.streams, beside, progress, kept)


def digests(trained):
    return [weights_digest(module) for module in (trained.network, *trained.companions.values())]


@pytest.mark.parametrize("at", [2, 4, 7, 9])
def test_stopped_in_either_training_it_goes_on_to_the_same_bits(toy, tmp_path, at):
    whole, counted = digests(run(toy, tmp_path / "whole")), []
    with pytest.raises(StoppedError):
        run(toy, tmp_path / "stopped", stopping(at), ALWAYS)
    told = Told()
    assert digests(run(toy, tmp_path / "stopped", counted.append, said=told)) == whole
    kept = at - 1 if at <= ITERATIONS else ITERATIONS + 2 * ((at - 1 - ITERATIONS) // 2)
    assert counted == list(range(kept + 1, 3 * ITERATIONS + 1)), (
        "an iteration on twice the images counts twice"
    )


def test_a_checkpoint_that_does_not_fit_leaves_both_networks_as_they_began(toy, tmp_path):
    whole = digests(run(toy, tmp_path / "whole", companions=()))
    with pytest.raises(StoppedError):
        run(toy, tmp_path / "other", stopping(8), ALWAYS)  # with a companion that the next has not
    with pytest.warns(UserWarning, match="no checkpoint of this training"):
        assert digests(run(toy, tmp_path / "other", companions=())) == whole


# Fields


def test_fields_of_what_is_not_done_are_refused():
    with pytest.raises(ValueError, match="pseudo_weight: no pseudo-labels are trained on"):
        Recipe(pseudo_weight=1.0)
    with pytest.raises(ValueError, match="less than 1"):
        Recipe(unlabelled="pseudo", pseudo_confidence=1.0)


def test_iterations_are_counted_where_something_is_unlabelled():
    recipe = Recipe(iterations=10, unlabelled="pseudo")
    assert (recipe.steps_for(5, 7), recipe.steps_for(12, 0), Recipe(iterations=10).steps_for(5, 7)) == (
        30,
        10,
        10,
    )
