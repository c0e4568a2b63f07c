"""What a backbone is: images in, feature maps from fine to coarse out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from benchmark.networks.normalisation import IMAGENET, Normalisation

if TYPE_CHECKING:
    from benchmark.networks.backbones.frozen import FrozenTrunk


class Backbone(nn.Module):
    """``channels`` and ``strides`` of its maps, and the number that image sides must be a multiple of."""

    channels: tuple[int, ...]
    strides: tuple[float, ...]
    multiple: int
    #: Where its weights come from and how many tensors matched; empty if it starts from fresh weights.
    loaded: str = ""
    #: What images are normalised by before they come here.
    normalisation: Normalisation = IMAGENET
    #: What of it is not trained; None if all is.
    trunk: FrozenTrunk | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """B x 3 x H x W to one B x C x H/stride x W/stride per stage."""
        del images
        raise TypeError(f"{type(self).__name__} must define forward(images)")

    def behind(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Its maps from those of its frozen trunk: the part that is trained, if there is any."""
        return list(maps)
