"""The recipe's optimiser and schedule, and the check that the loss stays finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.experiment.recipe import Recipe

CHECK_EVERY = 50  # iterations on a GPU: looking at a loss makes the host wait for the device


class DivergedError(UserError):
    """The loss stopped being finite."""

    exit_code = 1


class FiniteLoss:
    """Stops at a loss that is not finite: on the CPU before the step, on a GPU within some iterations.

    Nothing of a training that is stopped is kept, so steps taken in between do no harm.
    """

    def __init__(self, device: torch.device) -> None:
        self.every = 1 if device.type == "cpu" else CHECK_EVERY
        self.seen: list[tuple[Tensor, Sequence[str]]] = []

    def watch(self, total: Tensor, ids: Sequence[str]) -> None:
        """Take note of a batch's loss, and look when it is time."""
        self.seen.append((total.detach(), ids))
        if len(self.seen) == self.every:
            self.look()

    def look(self) -> None:
        """Raise DivergedError for the first loss since the last look that is not finite."""
        seen, self.seen = self.seen, []
        totals = torch.stack([total for total, _ in seen]).tolist() if seen else []
        for total, (_, ids) in zip(totals, seen, strict=True):
            if not math.isfinite(total):
                raise DivergedError(
                    f"The training loss is {total} on the batch of images {', '.join(ids)}: lower "
                    "recipe.learning_rate, set recipe.clip, or look at these images' labels."
                )


class Optimiser:
    """The recipe's optimiser and schedule."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.parameters = list(network.parameters())
        self.device = self.parameters[0].device
        self.clip = recipe.clip
        self.finite = FiniteLoss(self.device)
        self.optimiser = OPTIMISERS[recipe.optimiser](self.parameters, recipe)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, learning_rate_factor(recipe))

    def step(self, total: Tensor, ids: Sequence[str]) -> None:
        """One step on a batch's loss; ``ids`` names its images should it not be finite."""
        # Kept, not read: to read a loss with every step is to wait for the device every time.
        self.finite.watch(total, ids)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """The state after the last step. Raises DivergedError: no state behind a bad loss is given away."""
        self.finite.look()
        return {"optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after the step after which the state was taken."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])


OPTIMISERS: Mapping[str, Callable[[list[nn.Parameter], Recipe], torch.optim.Optimizer]] = {
    # Fused: one kernel for all parameters where there would be some for each.
    "adam": lambda p, r: torch.optim.Adam(p, r.learning_rate, weight_decay=r.weight_decay, fused=True),
    "adamw": lambda p, r: torch.optim.AdamW(p, r.learning_rate, weight_decay=r.weight_decay, fused=True),
    "sgd": lambda p, r: torch.optim.SGD(
        p, r.learning_rate, r.momentum, weight_decay=r.weight_decay, fused=True
    ),
}


def learning_rate_factor(recipe: Recipe) -> Callable[[int], float]:
    """Share of the learning rate at an iteration."""
    shapes: Mapping[str, Callable[[float], float]] = {
        "poly": lambda done: (1 - done) ** recipe.power,
        "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
        "constant": lambda _: 1.0,
    }
    shape, iterations = shapes[recipe.schedule], recipe.iterations_for(0)

    def factor(iteration: int) -> float:
        # From above 0: a first step at rate 0 would be a lost one.
        warm = min(1.0, (iteration + 1) / (recipe.warmup + 1))
        return warm * shape(min(iteration / iterations, 1.0))

    return factor
