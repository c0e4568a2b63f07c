"""A network and a backbone of one's own, as a file that a user writes: tests read it, and change it."""

import torch
from torch import nn

from benchmark.networks.backbone import Backbone
from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.plugins import register_backbone, register_network
from strategies.interface import Outputs


@register_backbone("my_backbone", source="me 2001")
class MyBackbone(Backbone):
    """Two maps."""

    channels, strides, multiple = (8, 8), (4.0, 8.0), 8

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.stem, self.deep = nn.Conv2d(3, 8, 4, 4, bias=bias), nn.Conv2d(8, 8, 2, 2)

    def forward(self, images):
        fine = self.stem(images).relu()
        return [fine, self.deep(fine)]


@register_network("my_net", source="me 2002")
class MyNet(Network):
    """A head per task, and one more on top."""

    def __init__(self, backbone, tasks, depth: int = 1) -> None:
        super().__init__(backbone, tasks)
        width, channels = sum(backbone.channels), self.output_channels
        self.width = width
        self.first = nn.ModuleDict({t: nn.Conv2d(width, c, 1) for t, c in channels.items()})
        self.shared = nn.Sequential(*(nn.Conv2d(width, width, 1) for _ in range(depth)))
        self.second = nn.ModuleDict({t: nn.Conv2d(width, c, 1) for t, c in channels.items()})

    @property
    def feature_channels(self):
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps, size):
        joined = torch.cat(at_finest(maps), 1)
        features = self.shared(joined).relu()
        refined = {task: head(features) for task, head in self.second.items()}
        return Outputs(
            tasks=self.specs,
            initial={task: head(joined) for task, head in self.first.items()},
            refined=resized_together(refined, size),
            task_features=dict.fromkeys(refined, features),
            backbone_features=tuple(maps),
        )
