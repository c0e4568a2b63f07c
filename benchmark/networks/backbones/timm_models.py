"""Backbones of timm: any model that gives feature maps of images of any size."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.backbone import Backbone
from benchmark.networks.weights.pretrained import create_loaded, first_line

Options = Mapping[str, Any]


class TimmBackbone(Backbone):
    """The last four maps of a model of timm, or as many as it has.

    HRNets give their own branches (w18 small: 18, 36, 72 and 144 channels). ``dilated`` keeps ResNets and all
    others that can do it at stride 8 (Yu, Koltun & Funkhouser, CVPR 2017): 4, 8, 8 and 8. Plain vision
    transformers give maps of one stride.
    """

    def __init__(self, name: str, pretrained: bool | Path = False, dilated: bool = False) -> None:
        super().__init__()
        import timm

        _check_known(name)
        options = {"features_only": True, **_options(name, dilated)}
        if pretrained:
            file = None if pretrained is True else pretrained
            self.model, self.loaded = create_loaded(name, options, file)
        else:
            self.model = timm.create_model(name, **options)
        info = cast(Any, self.model).feature_info
        self.channels, self.strides = tuple(info.channels())[-4:], tuple(info.reduction())[-4:]
        self.multiple = max(info.reduction())
        self.channels_last = _is_channels_last(self.model)

    def forward(self, images: Tensor) -> list[Tensor]:
        """From fine to coarse."""
        maps = list(self.model(images))[-4:]
        return [features.permute(0, 3, 1, 2) for features in maps] if self.channels_last else maps


def _check_known(name: str) -> None:
    import timm

    if not timm.is_model(name):
        if timm.is_model(plain := name.rpartition("timm/")[2]):
            raise UserError(f"network.backbone: write {plain} for {name}, timm's name without a prefix.")
        close = difflib.get_close_matches(name, ["tiny", *timm.list_models()], 3)
        raise UserError(
            f"network.backbone: there is no backbone {name!r}; it must be tiny or a timm model"
            + (f", such as {', '.join(close)}." if close else ".")
        )


def _options(name: str, dilated: bool) -> Options:
    """The first of the wishes that the model grants: dilation, then free image sizes by timm's two names."""
    wishes: list[dict[str, Any]] = [{"dynamic_img_size": True}, {"strict_img_size": False}, {}]
    if dilated:
        wishes.insert(0, {"output_stride": 8})
    failure: Exception | None = None
    for wish in wishes:
        options = {**_location(name), **wish}
        try:
            _try(name, options)
        except Exception as error:  # a model that does not know an option refuses it in any way it likes
            failure = error
        else:
            return options
    raise UserError(
        f"network.backbone: timm's {name} does not take images of every size "
        f"({first_line(failure)}); choose a ResNet, HRNet, ConvNeXt, Swin, ViT or DINO model."
    ) from failure


def _location(name: str) -> dict[str, Any]:
    if name.startswith("hrnet"):  # timm's default location widens the branches to 64 .. 1024 channels
        return {"feature_location": "", "out_indices": (1, 2, 3, 4)}
    return {}


def _try(name: str, options: Options) -> None:
    """Make the model without memory and show it an image of a size that it was not made for."""
    import timm

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model: Any = timm.create_model(name, features_only=True, **options).eval()
        strides = model.feature_info.reduction()
        height, width = 5 * max(strides), 3 * max(strides)
        maps = model(torch.empty(1, 3, height, width))
    last = _is_channels_last(model)
    sizes = [tuple(each.shape[1:3] if last else each.shape[2:]) for each in maps]
    if sizes != [(height // stride, width // stride) for stride in strides]:
        raise ValueError(f"maps of {height} x {width} pixels are {sizes}")


def _is_channels_last(model: nn.Module) -> bool:
    """Whether maps are B x h x w x C, as Swin's are."""
    return str(getattr(model, "output_fmt", "")).endswith("NHWC")
