"""Backbones behind one interface: images in, feature maps from fine to coarse out."""

from __future__ import annotations

import difflib
from typing import Any, cast

from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.blocks import BasicBlock, conv_norm_relu


class Backbone(nn.Module):
    """``channels`` and ``strides`` of its maps, and the number that image sides must be a multiple of."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    multiple: int

    def forward(self, images: Tensor) -> list[Tensor]:
        """B x 3 x H x W to one B x C x H/stride x W/stride per stage."""
        del images
        raise TypeError(f"{type(self).__name__} must define forward(images)")


class TinyPyramid(Backbone):
    """A small residual pyramid at strides 4, 8, 16 and 32 for runs without a GPU; trained from scratch."""

    channels = (24, 32, 48, 64)
    strides = (4, 8, 16, 32)
    multiple = 32

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


class TimmBackbone(Backbone):
    """Any model of timm that gives features; HRNets give their own branches (w18 small: 18 .. 144)."""

    def __init__(self, name: str, pretrained: bool = False) -> None:
        super().__init__()
        self.model = _timm_model(name, pretrained)
        info = self.model.feature_info
        self.channels, self.strides = tuple(info.channels())[-4:], tuple(info.reduction())[-4:]
        self.multiple = max(self.strides)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The last four maps, or as many as there are: from stride 4 on, where there are finer ones."""
        return cast(list[Tensor], list(self.model(images))[-4:])


def make_backbone(name: str, pretrained: bool = False) -> Backbone:
    """``tiny`` or a timm model. Raises UserError for a name that neither knows."""
    if name != "tiny":
        return TimmBackbone(name, pretrained)
    if pretrained:
        raise UserError("network.pretrained: the tiny backbone has no pre-trained weights; set it to false.")
    return TinyPyramid()


def _timm_model(name: str, pretrained: bool) -> Any:
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, ["tiny", *timm.list_models()], 3)
        raise UserError(
            f"network.backbone: there is no backbone {name!r}; it must be tiny or a timm model"
            + (f", such as {', '.join(close)}." if close else ".")
        )
    try:
        return timm.create_model(name, pretrained=pretrained, features_only=True, **_feature_options(name))
    except (RuntimeError, OSError, ValueError) as error:
        if pretrained:
            raise UserError(
                f"network.pretrained: the weights of {name} could not be loaded ({type(error).__name__}: "
                f"{error}); give the machine access to them or set pretrained to false."
            ) from error
        raise UserError(f"network.backbone: timm's {name} gives no feature maps ({error}).") from error


def _feature_options(name: str) -> dict[str, Any]:
    if name.startswith("hrnet"):  # timm's default location widens the branches to 64 .. 1024 channels
        return {"feature_location": "", "out_indices": (1, 2, 3, 4)}
    if name.startswith("vit") or "dino" in name:
        return {"dynamic_img_size": True}
    return {}
