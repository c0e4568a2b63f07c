"""Train the network from scratch for a fixed number of iterations, and strategies' companions beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from benchmark.data.augment import augmented
from benchmark.data.feed import Batch, Feed
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import Network, build_network, placed
from benchmark.networks.layout import laid_out
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.training.checkpoint import Checkpoint, Training, set_stream_states, stream_states
from benchmark.training.companions.label_losses import label_losses
from benchmark.training.companions.modules import CompanionStep, make_companion
from benchmark.training.forward import products_in, trunk_maps
from benchmark.training.hardware.compiled import compiled
from benchmark.training.hardware.memory import memory_for_training
from benchmark.training.known_labels import KnownLabels
from benchmark.training.losses import (
    TaskLosses,
    by_operation,
    image_weights,
    in_one_graph,
    objective,
    task_losses,
)
from benchmark.training.optimiser import Optimiser
from benchmark.training.unlabelled.pseudo_labels import Mixed, mixed_batches, unlabelled_positions
from benchmark.training.unlabelled.two_trainings import COUNTS, TwoTrainings
from strategies.device_transfer import on_device
from strategies.interface import Outputs, Positions, Scores, Strategy

__all__ = ["Trained", "state_digest", "task_losses", "train", "training_batches", "weights_digest"]

Progress = Callable[[int], None]
Compute = Callable[..., tuple[Outputs, TaskLosses]]
UNKEPT = Checkpoint()


@dataclass(frozen=True)
class Trained:
    """A trained network and the companions, by strategy name, that were trained beside it."""

    network: Network
    companions: Mapping[str, nn.Module]


@dataclass(frozen=True)
class InProgress:
    """All that one iteration leaves to the next, torch's global streams included."""

    trained: Trained
    optimiser: Optimiser
    companions: Sequence[CompanionStep]
    augmentation: Generator

    @property
    def network(self) -> Network:
        """As the last iteration left it."""
        return self.trained.network

    def state_dict(self) -> dict[str, Any]:
        """What the next iteration begins with. Raises DivergedError where a loss was not finite."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "network": self.trained.network.state_dict(),
            "companions": {step.strategy: step.state_dict() for step in self.companions},
            "augmentation": self.augmentation.get_state(),
            "streams": stream_states(self.optimiser.device),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration begin with this. Raises ValueError or torch's errors if it does not fit."""
        if state["companions"].keys() != self.trained.companions.keys():
            raise ValueError("other strategies' companions were trained")
        self.optimiser.load_state_dict(state["optimiser"])
        self.trained.network.load_state_dict(state["network"])
        for step in self.companions:
            step.load_state_dict(state["companions"][step.strategy])
        self.augmentation.set_state(state["augmentation"])
        set_stream_states(state["streams"], self.optimiser.device)


def train(
    feed: Feed,
    positions: Positions,
    weights: Scores | None,
    network: NetworkConfig,
    recipe: Recipe,
    streams: Streams,
    companions: Mapping[str, Strategy],
    progress: Progress = lambda _: None,
    checkpoint: Checkpoint = UNKEPT,
) -> Trained:
    """Train on the images at ``positions`` with loss weights (L x T; None: all 1).

    The network is the same bit for bit whatever companions are trained: they see detached outputs and have
    streams and optimisers of their own. From a ``checkpoint`` it goes on to the same bits, and iterations
    that are done cost nothing. With ``recipe.unlabelled: pseudo`` a second network is trained on the rest of
    the feed too (``benchmark.training.unlabelled``). Of a feed with a part of the labels
    (``Feed.with_labels``) nothing else is learned, and an image without any is left out. Raises DivergedError
    before a step on a loss that is not finite, and UserError for a companion that edits what it is shown and
    where memory is full.
    """
    known = KnownLabels.of(feed, positions)
    positions, weights = known.positions, known.weights(weights)
    recipe = recipe.for_labelled(len(positions))
    if network.maps == "recomputed":
        feed = feed.with_maps(None)
    others = unlabelled_positions(feed, positions, recipe)
    # In this order the errors of building the network, too, say what to change.
    with memory_for_training(feed, network, recipe), enough_for_statistics(recipe):
        iterations = Iterations(feed, known, weights, recipe, progress, checkpoint)
        if len(others):
            return _self_trained(iterations, others, network, streams, companions)
        # A network's dropout draws from the stream of the weights too.
        with global_torch_stream(streams.seed_of("weights")):
            training = _fresh(feed, network, recipe, streams, companions)
            first = checkpoint.resume(training)
            batches = training_batches(feed, known, recipe, streams, training.augmentation, first)
            iterations.run(training, ((batch, rows, NOBODY) for batch, rows in batches), training, first)
    return training.trained


def _self_trained(
    iterations: Iterations,
    others: Positions,
    network: NetworkConfig,
    streams: Streams,
    companions: Mapping[str, Strategy],
) -> Trained:
    """A teacher, which is the network of labels alone, and then a student with streams of its own."""
    feed, known, recipe = iterations.feed, iterations.known, iterations.recipe
    own, size = streams.apart("student"), recipe.iterations_for(len(known.positions))
    with global_torch_stream(own.seed_of("weights")):
        student = _fresh(feed, network, recipe, own, companions)
        begun = stream_states(feed.device)
    with global_torch_stream(streams.seed_of("weights")):
        teacher = _fresh(feed, network, recipe, streams, {})
        both = TwoTrainings(teacher, student, begun)
        done = iterations.checkpoint.resume(both)
        if not both.studying:
            plain = training_batches(feed, known, recipe, streams, teacher.augmentation, done)
            iterations.run(teacher, ((batch, rows, NOBODY) for batch, rows in plain), both, done)
    with global_torch_stream(own.seed_of("weights")):
        set_stream_states(both.streams, feed.device)
        first = (done - size) // COUNTS if both.studying else 0
        both.studying = True
        mixed = mixed_batches(feed, known, others, teacher.network, recipe, own, student.augmentation, first)
        iterations.run(student, mixed, both, size + COUNTS * first, COUNTS)
    return student.trained


#: Of the images of a batch, none is without labels.
NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Iterations:
    """What the iterations of a training have in common."""

    feed: Feed
    known: KnownLabels
    weights: Scores | None
    recipe: Recipe
    progress: Progress
    checkpoint: Checkpoint

    def run(
        self,
        training: InProgress,
        batches: Iterable[Mixed],
        kept: Training,
        done: int,
        counts: int = 1,
    ) -> None:
        """One iteration a batch, after ``done`` ones; ``kept`` is what a checkpoint holds of each.

        Each counts as so many.
        """
        for batch, rows, others in batches:
            self._step(training, batch, rows, others)
            for _ in range(counts):
                done += 1
                self.progress(done)
            self.checkpoint.keep(kept, done)
        # Losses of the last iterations have not been looked at yet.
        training.optimiser.finite.look()

    def _step(self, training: InProgress, batch: Batch, rows: Positions, others: Positions) -> None:
        """One step of the network, on labelled images at ``rows`` and on ``others`` behind them."""
        feed, recipe, made = self.feed, self.recipe, training.trained.network
        with products_in(feed.device, recipe.precision):
            images = laid_out(batch.images, made)
            maps, labels = trunk_maps(made, batch.images, batch.maps), strided(batch.labels, recipe)
            outputs, losses = self._compute(made, images, maps, labels, feed.tasks, recipe.precision)
            known = losses.at(slice(len(rows))) if len(others) else losses
            total = objective(known, self._weights_of(rows), feed.tasks, self._expected)
            if len(others):
                unknown = losses.at(slice(len(rows), None))
                total = total + recipe.pseudo_weight * objective(unknown, self._one(others), feed.tasks)
            ids = [feed.ids[i] for i in (*self.known.positions[rows], *others)]
            training.optimiser.step(total, ids)
        if training.companions:
            # After the network's own step, and detached: nothing of a companion can reach the network.
            shown, told = outputs.mapped(_for_companions(len(rows), others)), known.told
            labels = {task: label[: len(rows)] for task, label in labels.items()}
            with label_losses(labels, known.labelled, feed.tasks) as label_loss:
                for step in training.companions:
                    step(shown, told, label_loss)

    @cached_property
    def _compute(self) -> Compute:
        return compiled(in_one_graph, self.recipe.compile) if self.recipe.compile else by_operation

    @cached_property
    def _weights_of(self) -> Callable[[Positions], Tensor]:
        # Copied to the device once, not with every batch.
        return image_weights(self.weights, self.feed.device)

    @cached_property
    def _expected(self) -> Tensor | None:
        counts = self.known.expected(self.recipe.batch_size)
        return None if counts is None else on_device(torch.from_numpy(counts).float(), self.feed.device)

    @cached_property
    def _one(self) -> Callable[[Positions], Tensor]:
        return image_weights(None, self.feed.device)


@contextmanager
def enough_for_statistics(recipe: Recipe) -> Iterator[None]:
    """Say what to change where batch normalisation meets one value a channel, which has no spread."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(
            f"recipe.batch_size: a batch of {recipe.batch_size} gives the coarsest map of images this small "
            "one value a channel, over which batch normalisation has nothing to average; take 2 or more, or "
            "larger images."
        ) from error


def strided(labels: Mapping[str, Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """The labels of every so many-th row and column: picked, never mixed, so edges are thinner."""
    step = recipe.label_step * recipe.label_stride  # one of them is 1
    return {task: label[..., ::step, ::step] for task, label in labels.items()}


def _for_companions(count: int, others: Positions) -> Callable[[Tensor], Tensor]:
    """Outputs as companions see them; of images with pseudo-labels, which are no labels, none."""
    if not len(others):
        return lambda tensor: tensor.detach().float()
    return lambda tensor: tensor[:count].detach().float()


def weights_digest(network: nn.Module) -> str:
    """sha256 of all weights and buffers, to tell whether two trainings ended the same."""
    return state_digest(network.state_dict())


def state_digest(state: Mapping[str, Tensor]) -> str:
    """The same of a network's state."""
    digest = hashlib.sha256()
    # By name: the order of a dictionary is not part of the weights.
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _fresh(
    feed: Feed, config: NetworkConfig, recipe: Recipe, streams: Streams, strategies: Mapping[str, Strategy]
) -> InProgress:
    network = placed(build_network(config, feed.tasks), feed.device).train()
    # After the network, from streams of their own: with or without them it begins with the same weights.
    network.training_stride, network.label_step = recipe.label_stride, recipe.label_step
    made = {name: make_companion(strategy, network, streams) for name, strategy in strategies.items()}
    companions = {name: module for name, module in made.items() if module is not None}
    steps = [CompanionStep(name, module, recipe, streams) for name, module in companions.items()]
    optimiser, augmentation = Optimiser(network, recipe), streams.torch("augmentation")
    return InProgress(Trained(network, companions), optimiser, steps, augmentation)


def training_batches(
    feed: Feed,
    known: KnownLabels,
    recipe: Recipe,
    streams: Streams,
    augmentation: Generator | None = None,
    first: int = 0,
) -> Iterator[tuple[Batch, Positions]]:
    """Augmented batches, with the places among the labelled images that they came from.

    They begin after the ``first`` ones, which left the stream of the augmentation as it is given.
    """
    generator = augmentation or streams.torch("augmentation")
    count = recipe.iterations_for(len(known.positions))
    order = list(known.batches(recipe.batch_size, count, streams.numpy("batches")))
    # All batches are drawn and the first ones left out, so that batch 500 is the same in a resumed
    # training.
    order = order[first:]
    batches = feed.batches(known.positions[rows] for rows in order)
    for rows, batch in zip(order, batches, strict=True):
        yield augmented(batch, feed.tasks, recipe.augmentation, generator), rows
