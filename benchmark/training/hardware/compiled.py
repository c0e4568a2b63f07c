"""What one iteration computes, compiled as one graph if that is asked for, and whether it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, cast

import torch
from torch import Tensor

from benchmark.errors import UserError

How = bool | Literal["reduce-overhead"]
Computation = TypeVar("Computation", bound=Callable[..., object])


def compiled(computation: Computation, how: How) -> Computation:
    """The same computation, compiled at its first use for inputs of that one shape; as it is for false.

    Networks come in as arguments, so the next one of the same make takes the code over: a process compiles
    once, and not once a training. ``reduce-overhead`` records a GPU's kernels (CUDA graphs) and starts them
    together; what one call returns is overwritten by the next.
    """
    if not how:
        return computation
    if how is True:
        return cast(Computation, torch.compile(computation, dynamic=False))
    return _beginning_a_step(cast(Computation, torch.compile(computation, dynamic=False, mode=how)))


def _beginning_a_step(made: Computation) -> Computation:
    def begun(*arguments: object) -> object:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return made(*arguments)

    return cast(Computation, begun)


def check_compiler(device: torch.device, how: How = True) -> None:
    """Compile a trifle for the device. Raises UserError where a compiler, a header or Triton is missing."""
    if how == "reduce-overhead" and device.type != "cuda":
        raise UserError(
            "recipe.compile: reduce-overhead records what a GPU does, and this run is on the "
            f"{device.type}: set it to true or false."
        )
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
