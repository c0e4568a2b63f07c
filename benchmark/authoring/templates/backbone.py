"""A backbone to begin with, and its test."""

BACKBONE = '''"""{name}: say in a sentence what its maps are."""

from torch import nn

from benchmark.networks.backbone import Backbone
from benchmark.plugins import register_backbone


@register_backbone("{name}", source="author & author, venue year")
class {title}(Backbone):
    """Four maps by strided convolutions: replace this by your own layers.

    width: channels of the finest map. Options with a default are set by network.backbone_options.
    """

    strides = (4, 8, 16, 32)
    multiple = 32  # sides of images are padded to a multiple of it

    def __init__(self, width: int = 16):
        super().__init__()
        self.channels = (width, 2 * width, 4 * width, 8 * width)
        before = (3, *self.channels)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, c, s, s, bias=False), nn.BatchNorm2d(c), nn.ReLU())
            for b, c, s in zip(before, self.channels, (4, 2, 2, 2))
        )

    def forward(self, images):
        """Images (B x 3 x H x W, normalised) to maps (B x C x H/stride x W/stride), fine to coarse."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps
'''
BACKBONE_TEST = '''"""{name} keeps the contract that every backbone keeps. Run: pytest {test}"""

from pathlib import Path

import pytest

from benchmark.networks.contracts.backbone import CLAUSES, Probe
from benchmark.plugins import BACKBONES

FILE = Path(__file__).with_name("{file}")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_keeps_the_contract(clause):
    clause(Probe(BACKBONES.resolve(f"{{FILE}}:{name}")))
'''
