"""One way through the network, for training, evaluation and the pool pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from benchmark.data.feed import BatchMaps
from benchmark.networks import Network
from benchmark.networks.layout import laid_out
from strategies.interface import Outputs

Precision = Literal["fp32", "tf32", "bf16"]


def forward(
    network: Network, images: Tensor, precision: Precision = "fp32", maps: BatchMaps | None = None
) -> Outputs:
    """Outputs, in float32, for images B x 3 x H x W (0..1); bf16 computes the network in autocast.

    ``maps`` are those of a frozen trunk that are kept of these images.
    """
    with _computing(images.device, precision):
        outputs = outputs_of(network, laid_out(images, network), trunk_maps(network, images, maps))
    return _in_float32(outputs, precision)


def encoded(
    network: Network, images: Tensor, precision: Precision = "fp32", known: Sequence[Tensor] | None = None
) -> list[Tensor]:
    """The backbone's maps of images (0..1), in the network's precision: the first half of ``forward``.

    ``known`` are those of a frozen trunk.
    """
    with _computing(images.device, precision):
        return network.encode(laid_out(images, network)) if known is None else network.behind(known)


def outputs_of(network: nn.Module, images: Tensor, known: Sequence[Tensor] | None) -> Outputs:
    """Of images in the network's layout; a network that is all trained need not take maps that are known."""
    outputs: Outputs = network(images) if known is None else network(images, known)
    return outputs


def trunk_maps(network: Network, images: Tensor, maps: BatchMaps | None) -> list[Tensor] | None:
    """The frozen trunk's maps of these images, kept or computed to the same bits; None if all is trained."""
    if network.backbone.trunk is None:
        return None
    return maps.read() if maps else network.trunk_maps(images)


def decoded(
    network: Network, maps: Sequence[Tensor], size: tuple[int, int], precision: Precision = "fp32"
) -> Outputs:
    """Outputs, in float32, for images of this size from their maps: the other half."""
    with _computing(maps[0].device, precision):
        outputs = network.decode(maps, size)
    return _in_float32(outputs, precision)


@contextmanager
def _computing(device: torch.device, precision: Precision) -> Iterator[None]:
    """The arithmetic of the network."""
    # Each does nothing unless the precision is its own.
    with in_autocast(device, precision), products_in(device, precision):
        yield


def in_autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Let torch choose bfloat16 for what it may compute in it, where that is the precision."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


@contextmanager
def _tf32_products() -> Iterator[None]:
    # The switch is one for the process: it is put back, for what runs between two batches is not the
    # network.
    before, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def products_in(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Let a GPU multiply matrices in TF32 where that is the precision, in this block and nowhere else.

    Strategies' distances and labels' geometry are not the network's, and keep float32. What cuDNN does in
    convolutions is set once for the process.
    """
    return _tf32_products() if precision == "tf32" and device.type == "cuda" else nullcontext()


def predictions_in_float32(outputs: Outputs, precision: Precision) -> Outputs:
    """Predictions in float32 for losses; features, which no loss reads, as the network left them."""
    if precision != "bf16":
        return outputs
    return replace(
        outputs,
        initial={task: logits.float() for task, logits in outputs.initial.items()},
        refined={task: logits.float() for task, logits in outputs.refined.items()},
        coarser_initial={
            t: tuple(each.float() for each in maps) for t, maps in outputs.coarser_initial.items()
        },
    )


def _in_float32(outputs: Outputs, precision: Precision) -> Outputs:
    return outputs.mapped(Tensor.float) if precision == "bf16" else outputs
