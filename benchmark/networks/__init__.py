"""The networks: images in, Outputs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from benchmark.catalogue import NETWORKS, imported
from benchmark.config import NetworkConfig
from benchmark.networks.backbones import make_backbone
from benchmark.networks.network import Network
from benchmark.tasks.task import Task

__all__ = ["Network", "build_network"]


def build_network(config: NetworkConfig, tasks: Sequence[Task]) -> Network:
    """A network with fresh weights, drawn from torch's current random state."""
    backbone = make_backbone(config.backbone, config.pretrained)
    network = imported(NETWORKS[config.name].maker)(backbone, tasks, **config.options())
    return cast(Network, network.to(memory_format=torch.channels_last))
