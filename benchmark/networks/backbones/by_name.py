"""Backbones by name: our own small one, plug-ins, and all of timm's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.networks.backbone import Backbone
from benchmark.networks.backbones.feature_pyramid import SimpleFeaturePyramid
from benchmark.networks.backbones.frozen import Frozen, FrozenTrunk
from benchmark.networks.blocks import BasicBlock, conv_norm_relu
from benchmark.networks.weights.packaged import file_digest, weights_file
from benchmark.plugins import BACKBONES, Entry


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


def make_backbone(
    name: str,
    pretrained: bool | Path = False,
    pyramid: bool = False,
    options: Mapping[str, Any] | None = None,
    frozen: bool = False,
) -> Backbone:
    """``tiny``, a plug-in or a timm model, with maps all at different strides if a ``pyramid`` is wanted.

    ``pretrained`` is true for timm's own weights or a package's, or a file; a ``frozen`` one is not trained.
    Raises UserError for a name that nobody knows, a model that cannot do it, and weights that do not fit;
    RegistryError for a plug-in that cannot be made.
    """
    if frozen:
        file = weights_file(name, pretrained)
        known = file_digest(file) if file and file.is_file() else ""
        backbone: Backbone = Frozen(_trunk(name, pretrained, known, pyramid, json.dumps(options or {})))
    else:
        backbone = _plain(name, pretrained, pyramid, options or {})
    return SimpleFeaturePyramid(backbone) if _needs_pyramid(name, backbone, pyramid) else backbone


@lru_cache(maxsize=2)
def _trunk(name: str, pretrained: bool | Path, digest: str, pyramid: bool, options: str) -> FrozenTrunk:
    """Made once a process for weights of this digest, and without a draw from torch's random state."""
    del digest
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # whoever asks may make shapes alone
        backbone = _plain(name, pretrained, pyramid, json.loads(options))
    last_only = _needs_pyramid(name, backbone, pyramid)
    return FrozenTrunk(backbone, f"{BACKBONES.code(name)} {options} {pyramid}", last_only)


def _needs_pyramid(name: str, backbone: Backbone, pyramid: bool) -> bool:
    """Whether one is made of its last map: a plug-in of one stride may stay so where none is wanted."""
    return len(set(backbone.strides)) == 1 and (pyramid or BACKBONES.find(name) is None)


def _plain(name: str, pretrained: bool | Path, pyramid: bool, options: Mapping[str, Any]) -> Backbone:
    entry = BACKBONES.find(name)
    if entry is None:
        from benchmark.networks.backbones.timm_models import TimmBackbone

        return TimmBackbone(name, pretrained, dilated=not pyramid)
    if not entry.built_in:
        return _plugin(entry, pretrained, options)
    if pretrained:
        raise UserError("network.pretrained: the tiny backbone has no pre-trained weights; set it to false.")
    made: Backbone = entry.create()
    return made


def _plugin(entry: Entry, pretrained: bool | Path, options: Mapping[str, Any]) -> Backbone:
    from benchmark.networks.weights.pretrained import load_weights

    backbone: Backbone = entry.create(options=options)
    for attribute in ("channels", "strides", "multiple"):
        if not hasattr(backbone, attribute):
            raise UserError(f"Backbone {entry.name!r} must have the attribute {attribute}.")
    if pretrained is True:
        raise UserError(
            f"network.pretrained: only timm knows weights of its own; for {entry.name} give a file, or false."
        )
    if pretrained:
        backbone.loaded = load_weights(backbone, entry.name, pretrained)
    return backbone
