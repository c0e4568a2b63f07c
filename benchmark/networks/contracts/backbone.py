"""The contract that every backbone keeps, as functions to call: each clause raises when it is broken.

The project's tests run all clauses on the backbones that are built in; ``mtal check FILE`` on a user's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.networks.backbone import Backbone
from benchmark.networks.contracts.module import MODULE_CLAUSES, ModuleProbe, shape
from benchmark.networks.contracts.network import TASKS
from benchmark.networks.one_stage import MultiTask

LEAST = 32  # pixels of a side that the clauses show, at least


@dataclass(frozen=True)
class Probe(ModuleProbe):
    """A backbone under test."""

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Even and odd multiples of what it says that sides must be a multiple of."""
        multiple = self.backbone().multiple
        count = -(-LEAST // multiple)
        return tuple(
            (multiple * rows, multiple * columns)
            for rows, columns in ((count, count), (count + 1, count), (2 * count + 1, count + 2))
        )

    def backbone(self) -> Backbone:
        """A fresh one."""
        module = self.module()
        assert isinstance(module, Backbone)
        return module

    def made(self) -> nn.Module:
        """One of it."""
        backbone: Backbone = self.entry.create()
        return backbone

    def said(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Its maps."""
        return {f"map {place}": features for place, features in enumerate(module(images))}

    def trained_on(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """All of them."""
        return self.said(module, images)


def declares_its_maps(probe: Probe) -> None:
    """``channels`` and ``strides``, one each for every map, fine to coarse, and ``multiple``."""
    backbone = probe.backbone()
    for name in ("channels", "strides", "multiple"):
        assert hasattr(backbone, name), f"it lacks the attribute {name}"
    channels, strides, multiple = backbone.channels, backbone.strides, backbone.multiple
    assert len(channels) == len(strides) > 0, f"channels {channels} and strides {strides} are not one a map"
    whole = all(isinstance(number, int) and number > 0 for number in (*channels, multiple))
    assert whole, f"channels {channels} and multiple {multiple!r} must be whole numbers, from 1"
    rising = list(strides) == sorted(strides) and strides[0] > 0
    assert rising, f"strides {strides} must go from fine to coarse"


def gives_the_maps_that_it_declares(probe: Probe) -> None:
    """Maps of the declared channels and strides, for images whose sides are any multiple of ``multiple``."""
    backbone = probe.backbone().eval()
    for place, (height, width) in enumerate(probe.sizes):
        with torch.no_grad():
            maps = list(backbone(probe.images(2, place)))
        assert len(maps) == len(backbone.channels), f"{len(maps)} maps, and {len(backbone.channels)} declared"
        declared = zip(maps, backbone.channels, backbone.strides, strict=True)
        for number, (features, channels, stride) in enumerate(declared):
            sides = zip(features.shape[2:], (height, width), strict=True)
            right = all(abs(side - whole / stride) < 1 for side, whole in sides)
            right &= features.shape[:2] == (2, channels)
            assert right, (
                f"map {number} of 2 images of {height} x {width} is {shape(features)}, and declared are "
                f"{channels} channels at stride {stride:g}"
            )


def carries_a_network(probe: Probe) -> None:
    """A network on it takes images of any size, which are padded to a multiple of ``multiple``."""
    network = MultiTask(probe.backbone(), TASKS, width=8).eval()
    for height, width in ((33, 50), (47, 95)):
        with torch.no_grad():
            refined = network(torch.rand(1, 3, height, width)).refined[TASKS[0].name]
        assert refined.shape[2:] == (height, width), f"images of {height} x {width} give {shape(refined)}"


def has_a_name_of_its_own(probe: Probe) -> None:
    """timm's models are backbones by their names: a plug-in of such a name would hide one."""
    import timm

    assert not timm.is_model(probe.entry.name), f"{probe.entry.name} is a model of timm: give another name"


CLAUSES: tuple[Callable[[Probe], None], ...] = (
    declares_its_maps,
    gives_the_maps_that_it_declares,
    carries_a_network,
    has_a_name_of_its_own,
    *MODULE_CLAUSES,
)
