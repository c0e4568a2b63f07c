"""How a network's maps lie in memory: channels last, which is faster on CPUs and GPUs, where it is safe."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEW = 16  # channels that oneDNN takes at once


def layout_of(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last; on a CPU, the usual layout for networks that would write beyond their memory in it."""
    unsafe = device.type == "cpu" and any(_writes_beyond(module) for module in network.modules())
    return torch.contiguous_format if unsafe else torch.channels_last


def _writes_beyond(module: nn.Module) -> bool:
    """Whether oneDNN's gradient of its weights in channels last ends the process, or could.

    Seen with torch 2.15: 1x1 convolutions with a stride and 2 to 15 input channels. Whether it is a
    crash, a broken heap or nothing at all depends on sizes and on what lies beyond. RepVGG, MobileOne,
    FastViT and GENet have such layers.
    """
    if not isinstance(module, nn.Conv2d):
        return False
    channels = module.in_channels // module.groups
    return module.kernel_size == (1, 1) and max(module.stride) > 1 and 1 < channels < FEW


def laid_out(images: Tensor, network: nn.Module) -> Tensor:
    """Images (B x 3 x H x W) in the layout of a network on their device."""
    return images.contiguous(memory_format=layout_of(network, images.device))
