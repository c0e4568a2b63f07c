"""Networks of one stage, for reference: one backbone for all tasks, or one for each.

The single-task and multi-task baselines of Vandenhende et al., "Multi-Task Learning for Dense Prediction
Tasks: A Survey" (TPAMI 2021), with the head of HRNet (Wang et al., TPAMI 2020): maps joined at the finest
scale, two 1x1 convolutions. Nothing is refined, so ``initial`` and ``refined`` are the same predictions at
full size: inconsistency is 0 everywhere and tells a strategy that needs two stages nothing, and each task's
loss counts twice, as that of two agreeing stages would.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from benchmark.networks.backbone import Backbone
from benchmark.networks.blocks import conv_norm_relu
from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.tasks.task import Task
from strategies.interface import Outputs


class MultiTask(Network):
    """A shared backbone and a head per task of ``width`` channels (default: as many as all maps together)."""

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int | None = None) -> None:
        super().__init__(backbone, tasks)
        joined = sum(backbone.channels)
        self.width = width or joined
        channels = self.output_channels
        self.features = nn.ModuleDict({task: conv_norm_relu(joined, self.width, 1) for task in channels})
        self.predict = nn.ModuleDict({task: nn.Conv2d(self.width, out, 1) for task, out in channels.items()})

    @property
    def feature_channels(self) -> Mapping[str, int]:
        """``width`` for every task."""
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """Predictions at ``size``, both as initial and as refined ones."""
        inputs = self.joined(maps)
        features = {task: module(inputs[task]) for task, module in self.features.items()}
        predicted = {task: module(features[task]) for task, module in self.predict.items()}
        full = resized_together(predicted, size)
        return Outputs(
            tasks=self.specs,
            initial=full,
            refined=full,
            task_features=features,
            backbone_features=tuple(maps),
        )

    def joined(self, maps: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """What each task's head reads: here all the same."""
        return dict.fromkeys(self.output_channels, torch.cat(at_finest(maps), 1))


class SingleTask(MultiTask):
    """A backbone and a head for each task, which share nothing but the batches.

    All backbones start from the same weights. ``backbone_features`` are those of all tasks side by side.
    """

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], width: int | None = None) -> None:
        super().__init__(backbone, tasks, width)
        self.backbone = SideBySide(backbone, len(tasks))

    def joined(self, maps: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Each task's own maps."""
        own = zip(*(features.chunk(len(self.specs), 1) for features in maps), strict=True)
        each = (torch.cat(at_finest(task_maps), 1) for task_maps in own)
        return dict(zip(self.output_channels, each, strict=True))


class SideBySide(Backbone):
    """Copies of a backbone, each with weights of its own; every map holds those of all copies in turn."""

    def __init__(self, backbone: Backbone, count: int) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copy.deepcopy(backbone) for _ in range(count))
        self.channels = tuple(count * channels for channels in backbone.channels)
        self.strides, self.multiple, self.loaded = backbone.strides, backbone.multiple, backbone.loaded
        self.normalisation = backbone.normalisation
        self.trunk = backbone.trunk  # frozen, it is the same in all copies: one of its maps serves them

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps of all copies, joined per stage."""
        return _joined(each(images) for each in self.copies)

    def behind(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The same from the maps of a frozen trunk."""
        return _joined(cast(Backbone, each).behind(maps) for each in self.copies)


def _joined(copies: Iterable[list[Tensor]]) -> list[Tensor]:
    return [torch.cat(stage, 1) for stage in zip(*copies, strict=True)]
