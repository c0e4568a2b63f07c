"""MTI-Net: multi-scale task interaction network (Vandenhende, Georgoulis & Van Gool, ECCV 2020).

Initial predictions at every scale, coarse to fine; what the tasks found at one scale is propagated to
the next finer one; tasks are distilled at each scale; a refined prediction comes from all scales together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.backbone import Backbone
from benchmark.networks.blocks import BasicBlock, conv_norm_relu
from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.networks.pad_net import Distillation
from benchmark.tasks.task import Task
from strategies.divergences import resized
from strategies.interface import Outputs

PerTask = Mapping[str, Tensor]


class MtiNet(Network):
    """MTI-Net; every scale is as wide per task as the backbone's map of that scale, up to ``width``.

    HRNets are built as published: 384 is the widest map of HRNet-48. A ResNet-50 needs the limit: at its own
    256 to 2,048 channels the network would have 2.9 billion parameters.

    Raises UserError for a backbone with two maps of one stride.
    """

    wants_pyramid = True

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int = 384) -> None:
        super().__init__(backbone, tasks)
        if len(set(backbone.strides)) < len(backbone.strides):
            raise UserError(
                "network.backbone: MTI-Net needs every map at a stride of its own, and this backbone "
                f"has them at {', '.join(f'{stride:g}' for stride in backbone.strides)}."
            )
        names, widths = list(self.output_channels), [min(each, width) for each in backbone.channels]
        self.width, coarser = widths[0], (*widths[1:], 0)
        self.initial = nn.ModuleList(
            InitialPrediction(before + below, own, self.output_channels)
            for before, below, own in zip(backbone.channels, coarser, widths, strict=True)
        )
        self.propagate = nn.ModuleList(FeaturePropagation(names, own) for own in widths[1:])
        self.distil = nn.ModuleList(Distillation(names, own) for own in widths)
        self.predict = nn.ModuleDict({t: _head(sum(widths), out) for t, out in self.output_channels.items()})

    @property
    def feature_channels(self) -> Mapping[str, int]:
        """The width of the finest scale for every task."""
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """Initial predictions at every scale, refined ones at ``size``."""
        features, initial = self._coarse_to_fine(maps)
        distilled = [module(each) for module, each in zip(self.distil, features, strict=True)]
        refined = {
            task: head(torch.cat(at_finest([scale[task] for scale in distilled]), 1))
            for task, head in self.predict.items()
        }
        return Outputs(
            tasks=self.specs,
            initial=initial[0],
            refined=resized_together(refined, size),
            task_features=features[0],
            backbone_features=tuple(maps),
            coarser_initial={task: tuple(scale[task] for scale in initial[1:]) for task in refined},
        )

    def _coarse_to_fine(self, maps: Sequence[Tensor]) -> tuple[list[PerTask], list[PerTask]]:
        """Features and initial predictions of every task, one mapping per scale, fine to coarse."""
        features: list[PerTask] = []
        initial: list[PerTask] = []
        for scale in reversed(range(len(maps))):
            below = self.propagate[scale](features[0]) if features else {}
            found, predicted = self.initial[scale](maps[scale], below)
            features.insert(0, found)
            initial.insert(0, predicted)
        return features, initial


class InitialPrediction(nn.Module):
    """Two residual blocks and a 1x1 convolution per task, on the backbone's map and what comes from below."""

    def __init__(self, before: int, width: int, channels: Mapping[str, int]) -> None:
        super().__init__()
        self.refine = nn.ModuleDict(
            {task: nn.Sequential(BasicBlock(before, width), BasicBlock(width, width)) for task in channels}
        )
        self.decode = nn.ModuleDict({task: nn.Conv2d(width, out, 1) for task, out in channels.items()})

    def forward(self, features: Tensor, below: PerTask) -> tuple[PerTask, PerTask]:
        """Task features and initial predictions at this scale."""
        size = features.shape[-2:]
        inputs = {
            t: torch.cat([features, resized(below[t], size)], 1) if below else features for t in self.refine
        }
        found = {task: module(inputs[task]) for task, module in self.refine.items()}
        return found, {task: module(found[task]) for task, module in self.decode.items()}


class FeaturePropagation(nn.Module):
    """What all tasks found at one scale, for each task at the next finer one.

    A softmax over tasks, at every pixel and channel, weighs the tasks' features; the weighted features are
    reduced to one task's width, gated per task and channel, and added to the task's own.
    """

    def __init__(self, tasks: Sequence[str], width: int) -> None:
        super().__init__()
        self.tasks, joined = tuple(tasks), len(tasks) * width
        self.attention = nn.Sequential(
            BasicBlock(joined, width), BasicBlock(width, width), nn.Conv2d(width, joined, 1)
        )
        self.reduce = BasicBlock(joined, width)
        self.gate = nn.ModuleDict({task: ChannelGate(width) for task in tasks})

    def forward(self, features: PerTask) -> PerTask:
        """Propagated features of every task."""
        stacked = torch.stack([features[task] for task in self.tasks], 1)  # B x T x C x h x w
        share = self.attention(stacked.flatten(1, 2)).view_as(stacked).softmax(1)
        shared = self.reduce((share * stacked).flatten(1, 2))
        return {task: self.gate[task](shared) + features[task] for task in self.tasks}


class ChannelGate(nn.Module):
    """Squeeze and excitation (Hu, Shen & Sun, CVPR 2018)."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(width // reduction, 1)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, inner, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Every channel times its gate."""
        gated: Tensor = features * self.gate(features)
        return gated


def _head(width: int, channels: int) -> nn.Sequential:
    return nn.Sequential(conv_norm_relu(width, width, 1), nn.Conv2d(width, channels, 1))
