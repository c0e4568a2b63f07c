"""Train the network from scratch for a fixed number of iterations, and strategies' companions beside it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.config import NetworkConfig, Recipe
from benchmark.data.augment import augmented
from benchmark.data.feed import Batch, Feed, normalised, shuffled
from benchmark.errors import UserError
from benchmark.networks import Network, build_network
from benchmark.randomness import Streams, global_torch_stream
from benchmark.tasks.task import Task
from strategies.inconsistency import resized
from strategies.interface import Companion, Outputs, Positions, Scores, Strategy

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Trained:
    """A trained network and the companions, by strategy name, that were trained beside it."""

    network: Network
    companions: Mapping[str, nn.Module]


class DivergedError(UserError):
    """The loss stopped being finite."""

    exit_code = 1


def train(
    feed: Feed,
    positions: Positions,
    weights: Scores | None,
    network: NetworkConfig,
    recipe: Recipe,
    streams: Streams,
    companions: Mapping[str, Strategy],
    progress: Progress = lambda _: None,
) -> Trained:
    """Train on the images at ``positions`` with loss weights (L x T; None: all 1).

    The network is the same bit for bit whatever companions are trained: they see detached outputs and have
    streams and optimisers of their own. Raises DivergedError before a step on a loss that is not finite, and
    UserError for a companion that edits what it is shown.
    """
    with global_torch_stream(streams.seed_of("weights")):  # a network's dropout draws from it too
        trained = _fresh(feed, network, streams, companions)
        steps = [_CompanionStep(n, m, recipe, streams) for n, m in trained.companions.items()]
        optimiser = _Optimiser(trained.network, recipe)
        for number, (batch, rows) in enumerate(_batches(feed, positions, recipe, streams)):
            outputs = trained.network(normalised(batch.images))
            losses = task_losses(outputs, batch, feed.tasks)
            total = _objective(losses, _rows_of(weights, rows, losses), feed.tasks)
            optimiser.step(total, [feed.ids[i] for i in positions[rows]])
            for step in steps:
                step(_detached(outputs), losses.refined.detach())
            progress(number + 1)
    return trained


@dataclass(frozen=True)
class TaskLosses:
    """Unweighted losses per image and task (B x T) of the initial and the refined predictions."""

    initial: Tensor
    refined: Tensor


def task_losses(outputs: Outputs, batch: Batch, tasks: Sequence[Task]) -> TaskLosses:
    """Losses of both stages against labels at full resolution; several initial scales add up."""
    size = batch.images.shape[-2:]
    refined = [task.loss(outputs.refined[task.name], batch.labels[task.name]) for task in tasks]
    initial = []
    for task in tasks:
        scales = (outputs.initial[task.name], *outputs.coarser_initial.get(task.name, ()))
        each = [task.loss(resized(scale, size), batch.labels[task.name]) for scale in scales]
        initial.append(torch.stack(each).sum(0))
    return TaskLosses(torch.stack(initial, 1), torch.stack(refined, 1))


def weights_digest(network: nn.Module) -> str:
    """sha256 of all weights and buffers, to tell whether two trainings ended the same."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _fresh(
    feed: Feed, config: NetworkConfig, streams: Streams, strategies: Mapping[str, Strategy]
) -> Trained:
    network = build_network(config, feed.tasks).to(feed.device).train()
    companions = {name: make_companion(strategy, network, streams) for name, strategy in strategies.items()}
    return Trained(network, {name: module for name, module in companions.items() if module is not None})


def make_companion(strategy: Strategy, network: Network, streams: Streams) -> nn.Module | None:
    """A strategy's companion with fresh weights on the network's device, if it has one."""
    with global_torch_stream(streams.seed_of("companion")):
        companion = strategy.companion(network.shapes)
    if companion is None:
        return None
    device = next(network.parameters()).device
    return cast(nn.Module, companion).to(device).train()


def _batches(
    feed: Feed, positions: Positions, recipe: Recipe, streams: Streams
) -> Iterator[tuple[Batch, Positions]]:
    """Augmented batches, with the places in ``positions`` that they came from."""
    generator = streams.torch("augmentation")
    order = shuffled(len(positions), recipe.batch_size, recipe.iterations, streams.numpy("batches"))
    for rows in order:
        batch = feed.batch(torch.from_numpy(positions[rows]))
        yield augmented(batch, feed.tasks, recipe.augmentation, generator), rows


def _rows_of(weights: Scores | None, rows: Positions, losses: TaskLosses) -> Tensor:
    if weights is None:
        return torch.ones_like(losses.refined)
    return torch.from_numpy(weights[rows]).to(losses.refined)


def _objective(losses: TaskLosses, weights: Tensor, tasks: Sequence[Task]) -> Tensor:
    share = losses.refined.new_tensor([task.weight for task in tasks])
    return ((losses.refined + losses.initial) * weights * share).sum(1).mean()


class _Optimiser:
    """The recipe's optimiser and schedule."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.parameters = list(network.parameters())
        self.clip = recipe.clip
        self.optimiser = OPTIMISERS[recipe.optimiser](self.parameters, recipe)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, _factor(recipe))

    def step(self, total: Tensor, ids: Sequence[str]) -> None:
        if not torch.isfinite(total):
            raise DivergedError(
                f"The training loss is {total.item()} on the batch of images {', '.join(ids)}: lower "
                "recipe.learning_rate, set recipe.clip, or look at these images' labels."
            )
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.schedule.step()


OPTIMISERS: Mapping[str, Callable[[list[nn.Parameter], Recipe], torch.optim.Optimizer]] = {
    "adam": lambda p, r: torch.optim.Adam(p, r.learning_rate, weight_decay=r.weight_decay, fused=True),
    "adamw": lambda p, r: torch.optim.AdamW(p, r.learning_rate, weight_decay=r.weight_decay, fused=True),
    "sgd": lambda p, r: torch.optim.SGD(
        p, r.learning_rate, r.momentum, weight_decay=r.weight_decay, fused=True
    ),
}


def _factor(recipe: Recipe) -> Callable[[int], float]:
    """Share of the learning rate at an iteration."""
    shapes: Mapping[str, Callable[[float], float]] = {
        "poly": lambda done: (1 - done) ** recipe.power,
        "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
        "constant": lambda _: 1.0,
    }
    shape = shapes[recipe.schedule]

    def factor(iteration: int) -> float:
        warm = min(1.0, (iteration + 1) / (recipe.warmup + 1))
        return warm * shape(min(iteration / recipe.iterations, 1.0))

    return factor


class _CompanionStep:
    """One companion's own optimiser and random streams."""

    def __init__(self, strategy: str, module: nn.Module, recipe: Recipe, streams: Streams) -> None:
        self.strategy, self.module = strategy, module
        self.optimiser = torch.optim.Adam(module.parameters(), recipe.companion_learning_rate, fused=True)
        self.generator = streams.torch("companion")

    def __call__(self, outputs: Outputs, task_losses: Tensor) -> None:
        seed = int(torch.randint(2**62, (), generator=self.generator))
        before = _versions(outputs, task_losses)
        with global_torch_stream(seed):
            loss = cast(Companion, self.module).loss(outputs, task_losses, self.generator)
            if _versions(outputs, task_losses) != before:
                raise UserError(
                    f"The companion of strategy {self.strategy!r} edits outputs in place, which other "
                    "strategies' companions read too: let it work on copies (look for inplace=True)."
                )
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimiser.step()


def _versions(outputs: Outputs, task_losses: Tensor) -> list[int]:
    """How often each tensor was edited in place: comparing counters is free where copies are not."""
    maps = (outputs.initial, outputs.refined, outputs.task_features)
    tensors = [tensor for by_task in maps for tensor in by_task.values()]
    coarser = [tensor for scales in outputs.coarser_initial.values() for tensor in scales]
    return [tensor._version for tensor in (*tensors, *coarser, *outputs.backbone_features, task_losses)]


def _detached(outputs: Outputs) -> Outputs:
    def cut(maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task: tensor.detach() for task, tensor in maps.items()}

    return replace(
        outputs,
        initial=cut(outputs.initial),
        refined=cut(outputs.refined),
        task_features=cut(outputs.task_features),
        backbone_features=tuple(tensor.detach() for tensor in outputs.backbone_features),
        coarser_initial={t: tuple(m.detach() for m in maps) for t, maps in outputs.coarser_initial.items()},
    )
