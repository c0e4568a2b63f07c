"""Core-set selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Outputs, Pool, Selection, Strategy, register
from strategies.diversity import k_center_greedy

if TYPE_CHECKING:
    from torch import Tensor


@register("core-set", source="Sener & Savarese, ICLR 2018 (the greedy k-center form)")
class CoreSet(Strategy):
    """Greedy k-center on the shared backbone's features, started from all labelled images.

    Features are averaged over pixels per stage and put side by side; distances are Euclidean.
    """

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One vector per image."""
        import torch

        return {"vector": torch.cat([stage.mean((2, 3)) for stage in outputs.backbone_features], 1)}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Always the image farthest from everything labelled or chosen."""
        vectors = pool.rows["vector"]
        return Selection(k_center_greedy(vectors, budget, labelled=pool.labelled, rng=pool.rng))
