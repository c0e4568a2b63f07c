"""What strategies of diversity know of an image: one vector of the shared backbone's features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from strategies import Outputs, Pool, Strategy

if TYPE_CHECKING:
    from torch import Tensor


class FeatureStrategy(Strategy):
    """Sees of every image its backbone features, averaged over pixels per stage, side by side."""

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One vector per image (B x sum of channels)."""
        import torch

        return {"vector": torch.cat([stage.mean((2, 3)) for stage in outputs.backbone_features], 1)}

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images."""
        return pool.rows["vector"]
