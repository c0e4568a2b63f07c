"""PAD-Net: prediction-and-distillation network (Xu, Ouyang, Wang & Sebe, CVPR 2018).

Follows the public multi-task re-implementation of Vandenhende et al. 2021 (survey): backbone maps joined at
one quarter of the resolution, an initial prediction per task, cross-task distillation by attention, and a
refined prediction per task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.backbone import Backbone
from benchmark.networks.blocks import bottlenecks, conv_norm, conv_norm_relu
from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.tasks.task import Task
from strategies.interface import Outputs


class PadNet(Network):
    """``width`` channels and ``blocks`` bottlenecks per task and stage (256 and 2 as published).

    ``join`` says how backbone maps come together: ``concat``, as published, brings all to the finest size
    first; ``project`` brings each to ``width`` channels at its own size, which is far less arithmetic.
    """

    def __init__(
        self,
        backbone: Backbone,
        tasks: Sequence[Task],
        width: int = 256,
        blocks: int = 2,
        join: Literal["concat", "project"] = "concat",
    ) -> None:
        super().__init__(backbone, tasks)
        self.width = width
        joined = width if join == "project" else sum(backbone.channels)
        self.join = JOINS[join](backbone.channels, joined)
        self.features = self._per_task(lambda _: bottlenecks(joined, width, blocks))
        self.initial = self._per_task(lambda channels: nn.Conv2d(width, channels, 1))
        self.distil = Distillation(list(self.output_channels), width)
        self.refine = self._per_task(lambda _: bottlenecks(width, width, blocks))
        self.predict = self._per_task(lambda channels: nn.Conv2d(width, channels, 1))

    @classmethod
    def pyramid_for(cls, options: Mapping[str, object]) -> bool:
        """Projected maps come from a pyramid: there is no need to keep them fine."""
        return options.get("join") == "project"

    @property
    def feature_channels(self) -> Mapping[str, int]:
        """``width`` for every task."""
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """Initial predictions at the finest map's size, refined ones at ``size``."""
        shared = self.join(maps)
        features = {task: module(shared) for task, module in self.features.items()}
        initial = {task: self.initial[task](features[task]) for task in features}
        distilled = self.distil(features)
        refined = {task: self.predict[task](self.refine[task](distilled[task])) for task in features}
        return Outputs(
            tasks=self.specs,
            initial=initial,
            refined=resized_together(refined, size),
            task_features=features,
            backbone_features=tuple(maps),
        )

    def _per_task(self, make: Callable[[int], nn.Module]) -> nn.ModuleDict:
        return nn.ModuleDict({task: make(channels) for task, channels in self.output_channels.items()})


class Concatenated(nn.Sequential):
    """All maps at the finest size, side by side, and a 1x1 convolution."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__(*conv_norm_relu(sum(channels), width, 1))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """B x ``width`` x h x w of the finest map."""
        joined = torch.cat(at_finest(maps), 1)
        for module in self:
            joined = module(joined)
        return joined


class Projected(nn.Module):
    """A 1x1 convolution on each map at its own size; their sum at the finest one.

    The lateral connections of feature pyramids (Lin et al., CVPR 2017), summed at one scale (Kirillov et al.,
    Panoptic FPN, CVPR 2019).
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(conv_norm(before, width, 1) for before in channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """B x ``width`` x h x w of the finest map."""
        projected = [module(each) for module, each in zip(self.project, maps, strict=True)]
        # One after another: a stack of them would leave the layout in which convolutions are fast.
        return reduce(torch.add, at_finest(projected)).relu()


JOINS: Mapping[str, Callable[[Sequence[int], int], nn.Module]] = {
    "concat": Concatenated,
    "project": Projected,
}


class GatedConvolution(nn.Conv2d):
    """conv(x) * sigmoid(conv'(x)), 3x3.

    Its weights are one tensor, those of values above those of gates, and run as two convolutions: halves of
    one map in channels last lie apart, which costs a twentieth of a training step on a CPU.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, 2 * after, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """B x ``after`` x h x w."""
        value, gate = (F.conv2d(features, half, padding=1) for half in self.weight.chunk(2))
        return value * gate.sigmoid()


class Distillation(nn.Module):
    """F_t = features_t + sum over other tasks a of conv(features_a) * sigmoid(conv(features_a)).

    A separate pair of 3x3 convolutions for every ordered pair of tasks. All that read one task run together,
    which is the same arithmetic in far fewer kernels.
    """

    def __init__(self, tasks: Sequence[str], width: int) -> None:
        super().__init__()
        self.tasks, self.width = tuple(tasks), width
        others = len(tasks) - 1
        self.messages = nn.ModuleDict(
            {task: GatedConvolution(width, others * width) for task in tasks if others}
        )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Distilled features of every task."""
        distilled = dict(features)
        for source, module in self.messages.items():
            gated = module(features[source]).split(self.width, 1)
            for target, message in zip((t for t in self.tasks if t != source), gated, strict=True):
                distilled[target] = distilled[target] + message
        return distilled
