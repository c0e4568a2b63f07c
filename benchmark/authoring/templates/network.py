"""A network to begin with, and its test."""

NETWORK = '''"""{name}: say in a sentence how it predicts all tasks."""

import torch
from torch import nn

from benchmark.networks.network import Network, at_finest, resized_together
from benchmark.plugins import register_network
from strategies import Outputs


@register_network("{name}", source="author & author, venue year")
class {title}(Network):
    """An initial prediction a task, and a refined one that sees them all: replace this by your own heads.

    width: channels of each task's features. Options with a default are set by network.options.
    """

    def __init__(self, backbone, tasks, width: int = 64):
        super().__init__(backbone, tasks)
        joined, predicted = sum(backbone.channels), sum(self.output_channels.values())
        self.width = width
        self.features, self.initial, self.refined = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for task, channels in self.output_channels.items():
            self.features[task] = nn.Sequential(nn.Conv2d(joined, width, 3, padding=1), nn.ReLU())
            self.initial[task] = nn.Conv2d(width, channels, 1)
            self.refined[task] = nn.Conv2d(width + predicted, channels, 1)

    @property
    def feature_channels(self):
        return dict.fromkeys(self.output_channels, self.width)

    def heads(self, maps, size):
        """From the backbone's maps, fine to coarse, to predictions; the refined ones are of this size."""
        shared = torch.cat(at_finest(maps), 1)  # B x channels of all maps x h x w
        features = {{task: module(shared) for task, module in self.features.items()}}
        initial = {{task: module(features[task]) for task, module in self.initial.items()}}
        seen = torch.cat(list(initial.values()), 1)
        joined = {{task: torch.cat([own, seen], 1) for task, own in features.items()}}
        refined = {{task: module(joined[task]) for task, module in self.refined.items()}}
        return Outputs(
            tasks=self.specs,
            initial=initial,
            refined=resized_together(refined, size),
            task_features=features,
            backbone_features=tuple(maps),
        )
'''
NETWORK_TEST = '''"""{name} keeps the contract that every network keeps. Run: pytest {test}"""

from pathlib import Path

import pytest

from benchmark.networks.contracts.network import CLAUSES, Probe
from benchmark.plugins import NETWORKS

FILE = Path(__file__).with_name("{file}")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_keeps_the_contract(clause):
    clause(Probe(NETWORKS.resolve(f"{{FILE}}:{name}")))
'''
