"""A pyramid on one map: what plain vision transformers need below networks that want several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.backbone import Backbone
from benchmark.networks.blocks import conv_norm, conv_norm_relu

PUBLISHED_WIDTH, LEAST_WIDTH = 256, 4


class SimpleFeaturePyramid(Backbone):
    """Four maps at 1/4, 1/2, 1 and 2 times the stride of the backbone's last map, trained with the network.

    ViTDet's simple feature pyramid (Li, Mao, Girshick & He, ECCV 2022, section 3): transposed convolutions
    to finer scales, pooling to the coarser one, then a 1x1 and a 3x3 convolution at each. A stride of 16
    gives 4, 8, 16 and 32; one of 14 gives 3.5, 7, 14 and 28. Every map has a third of the backbone's width
    and at most 256 channels: 256 for ViT-B, as published. Batch normalisation takes the place of layer
    normalisation, as in the networks above it.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone, self.loaded, self.trunk = backbone, backbone.loaded, backbone.trunk
        before, stride = backbone.channels[-1], backbone.strides[-1]
        if before < LEAST_WIDTH:
            raise UserError(
                f"network.backbone: a pyramid needs a map of {LEAST_WIDTH} channels, not {before}."
            )
        width = min(before // 3, PUBLISHED_WIDTH)
        self.channels = (width,) * 4
        self.strides = (stride / 4, stride / 2, stride, stride * 2)
        self.multiple = 2 * backbone.multiple
        self.scales = nn.ModuleList(
            nn.Sequential(resize, conv_norm(channels, width, 1), conv_norm_relu(width, width, 3))
            for resize, channels in _resizes(before)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """The four maps."""
        return self.behind(self.backbone(images))

    def behind(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The four maps from the plain transformer's."""
        return [cast(Tensor, scale(maps[-1])) for scale in self.scales]


def _resizes(width: int) -> list[tuple[nn.Module, int]]:
    """From fine to coarse: how to get to a scale, and how many channels arrive there."""
    half, quarter = width // 2, width // 4
    four_times = nn.Sequential(_double(width, half), nn.BatchNorm2d(half), nn.GELU(), _double(half, quarter))
    return [
        (four_times, quarter),
        (_double(width, half), half),
        (nn.Identity(), width),
        (nn.MaxPool2d(2), width),
    ]


def _double(before: int, after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 2, stride=2)
