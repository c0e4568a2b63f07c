"""The network's forward pass compiled for training, and whether a machine can compile at all."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from benchmark.errors import UserError
from benchmark.networks import Network


def compiled(network: Network) -> Network:
    """The same network, its forward pass compiled at its first use, for batches of that one shape.

    The weights stay the network's own: digest, store and evaluate that one, whose names have no prefix. The
    next network of the same make takes the code over: a process compiles once, and not once a training.
    """
    return cast(Network, torch.compile(network, dynamic=False))


def check_compiler(device: torch.device) -> None:
    """Compile a trifle for the device. Raises UserError where a compiler, a header or Triton is missing."""
    try:
        torch.compile(_trifle, dynamic=False)(torch.ones(8, device=device))
    except Exception as error:  # there is no common type for what can be missing
        what = "a C compiler and Triton" if device.type == "cuda" else "a C++ compiler"
        raise UserError(
            f"recipe.compile: this machine cannot compile for {device.type}, which takes {what} "
            f"({(str(error) or type(error).__name__).splitlines()[0].rstrip('.')}); set it to false."
        ) from None


def _trifle(numbers: Tensor) -> Tensor:
    return numbers.relu() + 1
