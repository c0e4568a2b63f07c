"""The networks: images in, Outputs out."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmark.experiment.config import NetworkConfig
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.layout import layout_of
from benchmark.networks.network import Network
from benchmark.networks.normalisation import normalisation_of
from benchmark.plugins import NETWORKS
from benchmark.tasks.task import Task

__all__ = ["Network", "build_network", "placed"]


def build_network(config: NetworkConfig, tasks: Sequence[Task]) -> Network:
    """A network with weights drawn from torch's current random state, the backbone's pre-trained if asked.

    Raises UserError for a backbone that there is not or that does not suit, and for weights that do not fit,
    and RegistryError for a plug-in that cannot be made.
    """
    entry = NETWORKS.resolve(config.name)
    pyramid = entry.thing.pyramid_for(config.sizes())
    backbone = make_backbone(
        config.backbone, config.pretrained, pyramid, config.backbone_options, config.frozen
    )
    backbone.normalisation = normalisation_of(config)
    network: Network = entry.create(backbone, tasks, options=config.options, **config.sizes())
    network.map_dropout = config.map_dropout
    # Wherever it is made, also without memory: in the layout of a CPU until it is placed.
    return network.to(memory_format=layout_of(network, torch.device("cpu")))


def placed(network: Network, device: torch.device) -> Network:
    """The same network on a device, in the layout that is safe and fast there."""
    return network.to(device).to(memory_format=layout_of(network, device))
