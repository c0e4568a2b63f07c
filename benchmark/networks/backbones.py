"""Backbones by name: our own small one, and all of timm's."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.backbone import Backbone
from benchmark.networks.blocks import BasicBlock, conv_norm_relu


class TinyPyramid(Backbone):
    """A small residual pyramid at strides 4, 8, 16 and 32 for runs without a GPU; trained from scratch."""

    channels = (24, 32, 48, 64)
    strides = (4, 8, 16, 32)
    multiple = 4  # coarser maps are rounded up

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm_relu(3, 16, 3, stride=2), conv_norm_relu(16, 24, 3, stride=2))
        widths = (24, *self.channels)
        self.stages = nn.ModuleList(
            BasicBlock(before, after, stride=1 if index == 0 else 2)
            for index, (before, after) in enumerate(zip(widths, self.channels, strict=False))
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """The four maps."""
        maps, features = [], self.stem(images)
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps


def make_backbone(name: str, pretrained: bool | Path = False, pyramid: bool = False) -> Backbone:
    """``tiny`` or a timm model, whose maps are all at different strides if a ``pyramid`` is wanted.

    ``pretrained`` is true for timm's own weights, or a file. Raises UserError for a name that neither knows,
    a model that cannot do it, and weights that do not fit.
    """
    if name != "tiny":
        return _timm_backbone(name, pretrained, pyramid)
    if pretrained:
        raise UserError("network.pretrained: the tiny backbone has no pre-trained weights; set it to false.")
    return TinyPyramid()


def _timm_backbone(name: str, pretrained: bool | Path, pyramid: bool) -> Backbone:
    from benchmark.networks.feature_pyramid import SimpleFeaturePyramid
    from benchmark.networks.timm_backbone import TimmBackbone

    backbone = TimmBackbone(name, pretrained, dilated=not pyramid)
    return SimpleFeaturePyramid(backbone) if len(set(backbone.strides)) == 1 else backbone
