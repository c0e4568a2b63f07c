"""What strategies train beside the network: on detached outputs, with optimisers and streams of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.experiment.recipe import Recipe
from benchmark.networks import Network
from benchmark.random_streams import Streams, global_torch_stream
from strategies.interface import Companion, LabelledCompanion, LabelLoss, Outputs, Strategy


def make_companion(strategy: Strategy, network: Network, streams: Streams) -> nn.Module | None:
    """A strategy's companion with fresh weights on the network's device, if it has one."""
    # Layers draw their first weights from torch's global stream: here from one of their own, put back
    # afterwards.
    with global_torch_stream(streams.seed_of("companion")):
        companion = strategy.companion(network.shapes)
    if companion is None:
        return None
    device = next(network.parameters()).device
    return cast(nn.Module, companion).to(device).train()


class CompanionStep:
    """One companion's own optimiser and random streams."""

    def __init__(self, strategy: str, module: nn.Module, recipe: Recipe, streams: Streams) -> None:
        self.strategy, self.module = strategy, module
        self.optimiser = torch.optim.Adam(module.parameters(), recipe.companion_learning_rate, fused=True)
        self.generator = streams.torch("companion")

    def __call__(self, outputs: Outputs, task_losses: Tensor, label_loss: LabelLoss) -> None:
        """One step on a batch's detached outputs and losses (B x T); some are told of labels too."""
        # A loss that draws from the global stream, by dropout say, draws the same in every run and moves
        # nobody else's.
        seed = int(torch.randint(2**62, (), generator=self.generator))
        # All companions read the same tensors, and an edit by one would be seen by the next.
        before = _versions(outputs, task_losses)
        with global_torch_stream(seed):
            loss = self._loss(outputs, task_losses, label_loss)
            if _versions(outputs, task_losses) != before:
                raise UserError(
                    f"The companion of strategy {self.strategy!r} edits outputs in place, which other "
                    "strategies' companions read too: let it work on copies (look for inplace=True)."
                )
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimiser.step()

    def _loss(self, outputs: Outputs, task_losses: Tensor, label_loss: LabelLoss) -> Tensor:
        if getattr(self.module, "wants_labels", False):
            learner = cast(LabelledCompanion, self.module)
            return learner.loss(outputs, task_losses, self.generator, label_loss)
        return cast(Companion, self.module).loss(outputs, task_losses, self.generator)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser and stream after the last step."""
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after the step after which the state was taken."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])


def _versions(outputs: Outputs, task_losses: Tensor) -> list[int]:
    """How often each tensor was edited in place: comparing counters is free where copies are not."""
    maps = (outputs.initial, outputs.refined, outputs.task_features)
    tensors = [tensor for by_task in maps for tensor in by_task.values()]
    coarser = [tensor for scales in outputs.coarser_initial.values() for tensor in scales]
    return [tensor._version for tensor in (*tensors, *coarser, *outputs.backbone_features, task_losses)]
