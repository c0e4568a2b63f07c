"""One way through the network, for training, evaluation and the pool pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from benchmark.networks import Network
from benchmark.networks.layout import laid_out
from strategies.interface import Outputs

Precision = Literal["fp32", "bf16"]


def forward(network: Network, images: Tensor, precision: Precision = "fp32") -> Outputs:
    """Outputs, in float32, for images B x 3 x H x W (0..1); bf16 computes the network in autocast."""
    with _computing(images.device, precision):
        outputs: Outputs = network(laid_out(images, network))
    return _in_float32(outputs, precision)


def encoded(network: Network, images: Tensor, precision: Precision = "fp32") -> list[Tensor]:
    """The backbone's maps of images (0..1), in the network's precision: the first half of ``forward``."""
    with _computing(images.device, precision):
        return network.encode(laid_out(images, network))


def decoded(
    network: Network, maps: Sequence[Tensor], size: tuple[int, int], precision: Precision = "fp32"
) -> Outputs:
    """Outputs, in float32, for images of this size from their maps: the other half."""
    with _computing(maps[0].device, precision):
        outputs = network.decode(maps, size)
    return _in_float32(outputs, precision)


def _computing(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _in_float32(outputs: Outputs, precision: Precision) -> Outputs:
    return outputs.mapped(Tensor.float) if precision == "bf16" else outputs
