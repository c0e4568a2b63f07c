"""Which device a run computes on: what CUDA itself can open, never what the driver's tools count."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import UserError
from benchmark.words import counted

if TYPE_CHECKING:
    import torch


class Usable(NamedTuple):
    """How many GPUs CUDA can use, how many the driver lists, and what CUDA said of the others, if it did."""

    gpus: int
    listed: int
    said: str = ""


def usable_gpus() -> Usable:
    """Ask CUDA. ``torch.cuda.device_count`` alone asks the driver, also where no program can open it."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Both are asked: the driver may list GPUs that no program of this user can open.
        listed = torch.cuda.device_count()
        there = torch.cuda.is_available()
    # The first sentence is for users; where torch raised it is not.
    said = str(caught[0].message).partition(" (Triggered")[0].splitlines()[0].rstrip(".") if caught else ""
    return Usable(listed if there else 0, listed, said)


def pick_device(name: str) -> torch.device:
    """The device of this name; ``auto`` is the first GPU, or the CPU.

    Warns where ``auto`` is the CPU although a GPU is listed. Raises UserError for a device that is missing
    or that cannot be opened.
    """
    import torch

    found = usable_gpus()
    if name == "auto" and not found.gpus:
        if found.listed:
            warnings.warn(f"everything runs on the CPU: {_without(found)}", stacklevel=2)
        return torch.device("cpu")
    device = torch.device("cuda:0" if name == "auto" else name)
    if device.type == "cuda":
        _check_usable(device, found)
    return device


def unopened(device: torch.device) -> str | None:
    """Why a GPU that CUDA counts cannot be opened, if it cannot: held alone by another, full, or broken."""
    import torch

    try:
        # To answer, CUDA must make a context there, which counting devices does not need.
        torch.cuda.mem_get_info(device)
    except RuntimeError as error:
        return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
    return None


def _check_usable(device: torch.device, found: Usable) -> None:
    if (device.index or 0) >= found.gpus:
        raise UserError(f"device: {device} is not there; {_without(found)} (use cpu or auto).")
    if (why := unopened(device)) is not None:
        raise UserError(f"device: {device} cannot be opened ({why}); free it, or use another device or cpu.")


def _without(found: Usable) -> str:
    reason = f" ({found.said})" if found.said else ""
    if found.listed > found.gpus:
        return f"the driver lists {counted(found.listed, 'GPU')}, and CUDA can open none of them{reason}"
    return f"this machine has {counted(found.gpus, 'CUDA device')}{reason}"
