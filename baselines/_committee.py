"""A committee of small heads on every task's features, each with a prior of its own."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from baselines._jensen_gap import JensenGap
from strategies import Outputs, Shapes, TaskSpec
from strategies.device_transfer import on_device
from strategies.divergences import resized
from strategies.interface import LabelLoss


class Committee(nn.Module):
    """For every task K heads of two 1 x 1 convolutions, and K more that stay as they are: the priors."""

    wants_labels = True

    def __init__(self, shapes: Shapes, members: int, hidden: int, prior: float) -> None:
        super().__init__()
        self.tasks, self.members, self.prior = shapes.tasks, members, prior
        widths = shapes.task_features
        self.heads, self.priors = (
            nn.ModuleDict({t.name: _heads(widths[t.name], t, members, hidden) for t in shapes.tasks})
            for _ in range(2)
        )
        self.priors.requires_grad_(False)

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """How far the members disagree on every task, mean over pixels of the features (B each)."""
        return {task.name: self._disagreement(task, outputs) for task in self.tasks}

    def loss(
        self, outputs: Outputs, task_losses: Tensor, generator: Generator, label_loss: LabelLoss
    ) -> Tensor:
        """The members' losses against the labels, each on its own half of the images, summed over tasks."""
        images = len(task_losses)
        drawn = torch.randint(0, 2, (self.members, images), generator=generator)
        weights = on_device(2.0 * drawn, task_losses.device)
        return torch.stack([self._loss(task, outputs, weights, label_loss) for task in self.tasks]).sum()

    def _loss(self, task: TaskSpec, outputs: Outputs, weights: Tensor, label_loss: LabelLoss) -> Tensor:
        size = outputs.refined[task.name].shape[-2:]
        predicted = [resized(each, size) for each in self._predictions(task, outputs)]
        losses = torch.stack([label_loss(task.name, each) for each in predicted])
        known = ~losses.isnan()
        summed = (losses.nan_to_num() * weights).sum()
        return summed / known.sum().clamp(min=1)

    def _disagreement(self, task: TaskSpec, outputs: Outputs) -> Tensor:
        predictions = self._predictions(task, outputs)
        gap = JensenGap(task.kind, predictions[0])
        for each in predictions:
            gap.add(each)
        return gap.value()

    def _predictions(self, task: TaskSpec, outputs: Outputs) -> tuple[Tensor, ...]:
        """Logits of every member (B x C x h x w each)."""
        features = outputs.task_features[task.name]
        said = self.heads[task.name](features) + self.prior * self.priors[task.name](features)
        return tuple(said.chunk(self.members, 1))


def _heads(width: int, task: TaskSpec, members: int, hidden: int) -> nn.Module:
    """All members side by side; no channel of one reaches another."""
    return nn.Sequential(
        nn.Conv2d(width, members * hidden, 1),
        nn.ReLU(),
        nn.Conv2d(members * hidden, members * task.channels, 1, groups=members),
    )
