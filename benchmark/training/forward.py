"""One way through the network, for training, evaluation and the pool pass."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from benchmark.data.feed import normalised
from benchmark.networks import Network
from strategies.interface import Outputs

Precision = Literal["fp32", "bf16"]


def forward(network: Network, images: Tensor, precision: Precision = "fp32") -> Outputs:
    """Outputs, in float32, for images B x 3 x H x W (0..1); bf16 computes the network in autocast."""
    if precision == "fp32":
        plain: Outputs = network(normalised(images))
        return plain
    with torch.autocast(images.device.type, torch.bfloat16):
        outputs: Outputs = network(normalised(images))
    return outputs.mapped(Tensor.float)
