"""A frozen trunk: a pre-trained backbone that is never trained, so that its maps are values like labels.

Its maps are the same bits whenever they are computed on one device, alone or beside others: image by image on
one thread, for convolutions add up in another order in other batches and on more threads. They are in half
precision, in which they can be kept.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from benchmark.networks.backbone import Backbone
from benchmark.networks.places import without_autocast

T = TypeVar("T")


class FrozenTrunk:
    """Images to maps in half precision. No module: what holds one neither trains nor stores its weights."""

    def __init__(self, backbone: Backbone, made_as: str, last_only: bool = False) -> None:
        """``made_as`` names its code and options; ``last_only``: a pyramid is made of its last map."""
        self._backbone = backbone.eval().requires_grad_(False)
        self._last_only = last_only
        self._elsewhere: dict[torch.device, Backbone] = {}
        self.channels, self.strides = self._wanted(backbone.channels), self._wanted(backbone.strides)
        self.multiple, self.loaded = backbone.multiple, backbone.loaded
        self.digest = _digest(backbone, made_as)

    @torch.no_grad()
    def maps(self, images: Tensor) -> list[Tensor]:
        """The backbone's maps, in float16, of normalised and padded images (B x 3 x H x W)."""
        backbone = self._on(images.device)
        with _plain_arithmetic(images.device):
            alone = torch.split(images.contiguous(), 1)
            each = [[one.half() for one in self._wanted(backbone(image))] for image in alone]
            return [torch.cat(maps).contiguous() for maps in zip(*each, strict=True)]

    def _wanted(self, stages: Sequence[T]) -> Sequence[T]:
        return stages[-1:] if self._last_only else stages

    def _on(self, device: torch.device) -> Backbone:
        """The backbone on a device; a copy, for other networks use the one that is here."""
        if device.type == "cpu":
            return self._backbone
        if device not in self._elsewhere:
            self._elsewhere[device] = copy.deepcopy(self._backbone).to(device)
        return self._elsewhere[device]

    def __deepcopy__(self, memo: Any) -> FrozenTrunk:
        """Copies of a network share it: it never changes."""
        return self


class Frozen(Backbone):
    """The place of a frozen trunk in a network: its shape, and no weights to train."""

    trunk: FrozenTrunk

    def __init__(self, trunk: FrozenTrunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.channels, self.strides = tuple(trunk.channels), tuple(trunk.strides)
        self.multiple, self.loaded = trunk.multiple, trunk.loaded


@contextmanager
def _plain_arithmetic(device: torch.device) -> Iterator[None]:
    """float32, one order of addition, whatever the recipe's precision and the number of threads are."""
    threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with (
            without_autocast(device),
            torch.backends.cudnn.flags(True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32


def _digest(backbone: Backbone, made_as: str) -> str:
    """sha256 of its code, weights and statistics: what a file or a hub gave, not what that is called."""
    digest = hashlib.sha256(made_as.encode())
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode() + np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()
