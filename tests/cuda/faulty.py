"""Strategies that do on a GPU what none should."""

import torch

from strategies import Strategy, register


class Asking(torch.nn.Linear):
    """A companion that looks at its loss at every step."""

    def loss(self, outputs, task_losses, generator):
        loss = self(task_losses.nan_to_num()).mean()
        return loss / max(float(loss.detach()), 1.0)


@register("waiting", source="a test")
class Waiting(Strategy):
    """Makes the training wait."""

    def companion(self, shapes):
        return Asking(len(shapes.tasks), 1)


@register("mixing", source="a test")
class Mixing(Strategy):
    """Picks rows on the device by an index in main memory."""

    def measure(self, outputs):
        return {task: map[torch.arange(len(map))].mean((1, 2, 3)) for task, map in outputs.refined.items()}


@register("halving", source="a test")
class Halving(Strategy):
    """Adds pixels up in bfloat16."""

    def measure(self, outputs):
        return {task: map.bfloat16().mean((1, 2, 3)).float() for task, map in outputs.refined.items()}
