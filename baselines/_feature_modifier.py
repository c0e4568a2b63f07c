"""A modifier that knows of an image what strategies of diversity know, beside its base's score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from baselines._features import FeatureStrategy
from strategies import Modifier, Outputs, Pool

if TYPE_CHECKING:
    from torch import Tensor

VECTOR = ".features"  # no task can be called that


class FeatureModifier(Modifier):
    """Sees the shared backbone's features, averaged over pixels per stage and put side by side."""

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures, and the image's vector (B x d)."""
        return {**super().measure(outputs), VECTOR: FeatureStrategy().measure(outputs)["vector"]}

    def vectors(self, pool: Pool) -> NDArray[Any]:
        """The vectors of all N images."""
        return pool.rows[VECTOR]
