"""The loss-prediction module of Yoo & Kweon, CVPR 2019, section 3.2, with one output per task."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from strategies import Outputs, Shapes
from strategies.device_transfer import on_device


class LossPrediction(nn.Module):
    """Per network stage: global average, a linear layer, ReLU; side by side; a linear layer to T losses."""

    def __init__(self, shapes: Shapes, hidden: int, margin: float) -> None:
        super().__init__()
        self.margin = margin
        self.stages = nn.ModuleList(nn.Linear(width, hidden) for width in shapes.backbone_features)
        self.output = nn.Linear(hidden * len(self.stages), len(shapes.tasks))

    def forward(self, outputs: Outputs) -> dict[str, Tensor]:
        """Predicted losses, B x T; only their order means something."""
        averages = [features.mean((2, 3)) for features in outputs.backbone_features]
        hidden = [stage(average).relu() for stage, average in zip(self.stages, averages, strict=True)]
        return {"predicted_loss": self.output(torch.cat(hidden, 1))}

    def loss(self, outputs: Outputs, task_losses: Tensor, generator: Generator) -> Tensor:
        """Margin ranking loss on random pairs of the batch; an odd batch drops one, one image gives 0.

        A pair counts for the tasks for which both images have a label.
        """
        predicted = self(outputs)["predicted_loss"]
        pairs = torch.randperm(len(predicted), generator=generator)[: len(predicted) // 2 * 2].view(2, -1)
        first, second = on_device(pairs, predicted.device)  # or every step would wait for the device
        difference = task_losses[first] - task_losses[second]
        known = ~difference.isnan()
        larger = torch.sign(difference.nan_to_num())
        hinge = (self.margin - larger * (predicted[first] - predicted[second])).clamp(min=0)
        loss: Tensor = (hinge * known).sum() / known.sum().clamp(min=1)
        return loss
