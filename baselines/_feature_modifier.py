"""A modifier that knows of an image what strategies of diversity know, beside its base's score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from baselines._features import Features, pooled
from strategies import Modifier, Outputs, Pool, ScoreStrategy, StrategyName

if TYPE_CHECKING:
    from torch import Tensor

VECTOR = ".features"  # no task can be called that


class FeatureModifier(Modifier):
    """Sees of every image features averaged over pixels, side by side, beside what its base sees."""

    def __init__(self, base: StrategyName, features: Features = "backbone") -> None:
        self.features = features
        super().__init__(base)

    def follow(self, base: ScoreStrategy) -> None:
        """Take this one as base, beside the features."""
        super().follow(base)
        self.frozen_trunk |= self.features == "trunk"

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures, and the image's vector (B x d)."""
        return {**super().measure(outputs), VECTOR: pooled(outputs, self.features)}

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images."""
        return pool.rows[VECTOR]
