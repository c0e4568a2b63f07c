"""Train the network from scratch for a fixed number of iterations, and strategies' companions beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Generator, Tensor, nn

from benchmark.data.augment import augmented
from benchmark.data.feed import Batch, Feed, shuffled
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from benchmark.networks import Network, build_network, placed
from benchmark.networks.layout import laid_out
from benchmark.random_streams import Streams, global_torch_stream
from benchmark.training.checkpoint import Checkpoint, set_stream_states, stream_states
from benchmark.training.companions import CompanionStep, make_companion
from benchmark.training.forward import products_in, trunk_maps
from benchmark.training.hardware.compiled import compiled
from benchmark.training.hardware.memory import memory_for_training
from benchmark.training.losses import by_operation, image_weights, in_one_graph, objective, task_losses
from benchmark.training.optimiser import Optimiser
from strategies.interface import Positions, Scores, Strategy

__all__ = ["Trained", "state_digest", "task_losses", "train", "training_batches", "weights_digest"]

Progress = Callable[[int], None]
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
    that are done cost nothing. Raises DivergedError before a step on a loss that is not finite, and
    UserError for a companion that edits what it is shown and where memory is full.
    """
    recipe = recipe.for_labelled(len(positions))
    if network.maps == "recomputed":
        feed = feed.with_maps(None)
    # A network's dropout draws from the stream of the weights too.
    weights_stream = global_torch_stream(streams.seed_of("weights"))
    # In this order the errors of building the network, too, say what to change.
    with memory_for_training(feed, network, recipe), enough_for_statistics(recipe), weights_stream:
        training = _fresh(feed, network, recipe, streams, companions)
        compute = compiled(in_one_graph, recipe.compile) if recipe.compile else by_operation
        # Copied to the device once, not with every batch.
        weights_of = image_weights(weights, feed.device)
        first = checkpoint.resume(training)
        batches = training_batches(feed, positions, recipe, streams, training.augmentation, first)
        for done, (batch, rows) in enumerate(batches, first + 1):
            with products_in(feed.device, recipe.precision):
                made = training.trained.network
                images = laid_out(batch.images, made)
                maps, labels = trunk_maps(made, batch.images, batch.maps), strided(batch.labels, recipe)
                outputs, losses = compute(made, images, maps, labels, feed.tasks, recipe.precision)
                total = objective(losses, weights_of(rows), feed.tasks)
                training.optimiser.step(total, [feed.ids[i] for i in positions[rows]])
            if training.companions:
                # After the network's own step, and detached: nothing of a companion can reach the network.
                shown, told = outputs.mapped(_for_companions), losses.told
            for step in training.companions:
                step(shown, told)
            progress(done)
            checkpoint.keep(training, done)
        # Losses of the last iterations have not been looked at yet.
        training.optimiser.finite.look()
    return training.trained


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
    step = recipe.label_stride
    return {task: label[..., ::step, ::step] for task, label in labels.items()}


def _for_companions(tensor: Tensor) -> Tensor:
    return tensor.detach().float()


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
    network.training_stride = recipe.label_stride
    made = {name: make_companion(strategy, network, streams) for name, strategy in strategies.items()}
    companions = {name: module for name, module in made.items() if module is not None}
    steps = [CompanionStep(name, module, recipe, streams) for name, module in companions.items()]
    optimiser, augmentation = Optimiser(network, recipe), streams.torch("augmentation")
    return InProgress(Trained(network, companions), optimiser, steps, augmentation)


def training_batches(
    feed: Feed,
    positions: Positions,
    recipe: Recipe,
    streams: Streams,
    augmentation: Generator | None = None,
    first: int = 0,
) -> Iterator[tuple[Batch, Positions]]:
    """Augmented batches, with the places in ``positions`` that they came from.

    They begin after the ``first`` ones, which left the stream of the augmentation as it is given.
    """
    generator = augmentation or streams.torch("augmentation")
    order = list(
        shuffled(
            len(positions), recipe.batch_size, recipe.iterations_for(len(positions)), streams.numpy("batches")
        )
    )
    # All batches are drawn and the first ones left out, so that batch 500 is the same in a resumed
    # training.
    order = order[first:]
    batches = feed.batches(positions[rows] for rows in order)
    for rows, batch in zip(order, batches, strict=True):
        yield augmented(batch, feed.tasks, recipe.augmentation, generator), rows
