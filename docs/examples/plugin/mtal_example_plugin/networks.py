"""A network in a package of its own."""

import torch
from torch import nn

from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.plugins import register_network
from strategies import Outputs


@register_network("context_heads", source="the plug-in example of mtal-benchmark")
class ContextHeads(Network):
    """A first head a task, and a second one that also sees what the first ones predict for all tasks.

    width: channels of each task's features.
    """

    def __init__(self, backbone, tasks, width: int = 32):
        super().__init__(backbone, tasks)
        joined, predicted = sum(backbone.channels), sum(self.output_channels.values())
        self.width = width
        self.features, self.first, self.second = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for task, channels in self.output_channels.items():
            self.features[task] = nn.Sequential(nn.Conv2d(joined, width, 3, padding=1), nn.ReLU())
            self.first[task] = nn.Conv2d(width, channels, 1)
            self.second[task] = nn.Conv2d(width + predicted, channels, 3, padding=1)

    @property
    def feature_channels(self):
        """``width`` for every task."""
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps, size):
        """Initial predictions at the finest map's size, refined ones at ``size``."""
        shared = torch.cat(at_finest(maps), 1)
        features = {task: module(shared) for task, module in self.features.items()}
        initial = {task: module(features[task]) for task, module in self.first.items()}
        context = torch.cat(list(initial.values()), 1)
        refined = {task: self.second[task](torch.cat([own, context], 1)) for task, own in features.items()}
        return Outputs(
            tasks=self.specs,
            initial=initial,
            refined=resized_together(refined, size),
            task_features=features,
            backbone_features=tuple(maps),
        )
