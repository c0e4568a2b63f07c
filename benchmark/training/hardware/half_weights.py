"""A training's weights in bfloat16, converted together: autocast converts each by a kernel of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from strategies.interface import Outputs

#: The layers whose weights and biases autocast always converts, and that do nothing else with them.
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def in_half_weights(
    network: nn.Module, images: Tensor, trunk_maps: Sequence[Tensor] | None = None
) -> Outputs:
    """The network's outputs in autocast, the same bits with the same gradients, in far fewer kernels."""
    held = Counter(id(each) for module in network.modules() for each in module.parameters(recurse=False))
    named = {
        f"{path}.{name}": parameter
        for path, module in network.named_modules()
        if type(module) in LAYERS  # a subclass may compute with its weights first
        for name, parameter in module.named_parameters(recurse=False)
        if held[id(parameter)] == 1  # one that several share may be read in float32 by another
    }
    halves = _Halves.apply(*named.values())
    given = (images,) if trunk_maps is None else (images, trunk_maps)
    return cast(Outputs, functional_call(network, dict(zip(named, halves, strict=True)), given))


class _Halves(torch.autograd.Function):
    """Tensors in bfloat16; their gradients come back in float32."""

    @staticmethod
    def forward(ctx: Any, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        return tuple(_converted(weights, torch.bfloat16))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        del ctx
        there = iter(_converted([each for each in gradients if each is not None], torch.float32))
        return tuple(None if each is None else next(there) for each in gradients)


def _converted(tensors: Any, dtype: torch.dtype) -> list[Tensor]:
    made = [torch.empty_like(each, dtype=dtype) for each in tensors]
    if made:
        torch._foreach_copy_(made, list(tensors))
    return made
