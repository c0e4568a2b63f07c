"""Train the network from scratch for a fixed number of iterations, and strategies' companions beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from benchmark.config import NetworkConfig, Recipe
from benchmark.data.augment import augmented
from benchmark.data.feed import Batch, Feed, labelled, shuffled
from benchmark.networks import Network, build_network, placed
from benchmark.randomness import Streams, global_torch_stream
from benchmark.tasks.task import Task
from benchmark.training.checkpoint import Checkpoint, set_stream_states, stream_states
from benchmark.training.companions import CompanionStep, make_companion
from benchmark.training.compiled import compiled
from benchmark.training.forward import forward
from benchmark.training.memory import memory_for_training
from benchmark.training.optimiser import Optimiser
from strategies.inconsistency import resized
from strategies.interface import Outputs, Positions, Scores, Strategy

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
    # A network's dropout draws from the stream of the weights too.
    with memory_for_training(feed, network, recipe), global_torch_stream(streams.seed_of("weights")):
        training = _fresh(feed, network, recipe, streams, companions)
        compute, network_ = computation(recipe), training.trained.network
        shares = image_weights(weights, feed.device)
        first = checkpoint.resume(training)
        batches = training_batches(feed, positions, recipe, streams, training.augmentation, first)
        for done, (batch, rows) in enumerate(batches, first + 1):
            with products_in(feed.device, recipe.precision):
                outputs, losses = compute(network, batch, feed.tasks)
                total = objective(losses, shares(rows), feed.tasks)
                training.optimiser.step(total, [feed.ids[i] for i in positions[rows]])
            if training.companions:
                shown, told = outputs.mapped(_shown), losses.told
            for step in training.companions:
                step(shown, told)
            progress(done)
            checkpoint.keep(training, done)
        training.optimiser.finite.look()
    return training.trained


@dataclass(frozen=True)
class TaskLosses:
    """Unweighted losses per image and task (B x T) of the initial and the refined predictions.

    ``labelled`` says which images have a label for which task (B x T): where there is none, a loss is 0, and
    is to be counted nowhere.
    """

    initial: Tensor
    refined: Tensor
    labelled: Tensor

    @property
    def told(self) -> Tensor:
        """The refined losses for others to read: detached, and NaN where there is no label and only there."""
        losses = self.refined.detach().nan_to_num(nan=torch.inf, posinf=torch.inf)
        return losses.masked_fill(~self.labelled, torch.nan)


def task_losses(outputs: Outputs, batch: Batch, tasks: Sequence[Task]) -> TaskLosses:
    """Losses of both stages against labels at full resolution; several initial scales add up."""
    size = batch.images.shape[-2:]
    refined = [task.loss(outputs.refined[task.name], batch.labels[task.name]) for task in tasks]
    initial = []
    for task in tasks:
        scales = (outputs.initial[task.name], *outputs.coarser_initial.get(task.name, ()))
        each = [task.loss(resized(scale, size), batch.labels[task.name]) for scale in scales]
        initial.append(torch.stack(each).sum(0))
    known = labelled(batch.labels, tasks)
    return TaskLosses(torch.stack(initial, 1), torch.stack(refined, 1), known)


def weights_digest(network: nn.Module) -> str:
    """sha256 of all weights and buffers, to tell whether two trainings ended the same."""
    return state_digest(network.state_dict())


def state_digest(state: Mapping[str, Tensor]) -> str:
    """The same of a network's state."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _fresh(
    feed: Feed, config: NetworkConfig, recipe: Recipe, streams: Streams, strategies: Mapping[str, Strategy]
) -> InProgress:
    network = placed(build_network(config, feed.tasks), feed.device).train()
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
    order = list(shuffled(len(positions), recipe.batch_size, recipe.iterations, streams.numpy("batches")))
    order = order[first:]
    batches = feed.batches(positions[rows] for rows in order)
    for rows, batch in zip(order, batches, strict=True):
        yield augmented(batch, feed.tasks, recipe.augmentation, generator), rows


def _rows_of(weights: Scores | None, rows: Positions, losses: TaskLosses) -> Tensor:
    if weights is None:
        return torch.ones_like(losses.refined)
    return torch.from_numpy(weights[rows]).to(losses.refined)


def objective(losses: TaskLosses, weights: Tensor, tasks: Sequence[Task]) -> Tensor:
    """The multi-task training loss: weighted by task and, for some strategies, by image (weights B x T).

    A task's is the mean over the images of the batch that have a label for it, as in evaluation: an image
    without one would count as one that is predicted perfectly, and make the task weigh less.
    """
    share = losses.refined.new_tensor([task.weight for task in tasks])
    summed = ((losses.refined + losses.initial) * weights).sum(0)
    return (summed / losses.labelled.sum(0).clamp(min=1) * share).sum()
