"""Refine: strategies sift the pool together, and coverage chooses from what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strategies import Outputs, Pool, Selection, StrategyName, StrategyNames, register
from strategies.ensemble import Ensemble
from strategies.interface import Positions, Scores
from strategies.registry import resolve
from strategies.wrapper import check_no_draws, chosen_among

if TYPE_CHECKING:
    from torch import Tensor

#: Of several kinds, and none that takes long: each is asked for some batches in every stage.
BASES = "random+entropy+badge+typiclust+max-herding"
FINAL = "cover[width=labelled]"
MOST = 5000  # images that one batch is chosen from


@register(
    "ensemble",
    source="Huseljic, Herde, Rauch, Hahn & Sick 2025 (Refine, arXiv 2511.22344)",
    family="modifier",
)
class Refine(Ensemble):
    """Images that several strategies keep proposing, of which the last choice is one by coverage.

    In every stage the strategies take turns to propose a batch as large as the budget, each of a random part
    of the images that are left; what nobody proposed is left no longer. So an image stays that is of value in
    any of their ways, and what is of value to none goes. At the end the final strategy chooses, and sees no
    unlabelled images but those that are left.
    The source's code has 5 stages, parts of 5,000 images and then of 0.4 of what is left, 100 batches a
    stage, nine strategies of classification (random, margin, BADGE, BAIT, TypiClust, Alfa-Mix, DropQuery,
    MaxHerding, Uncertainty Herding) and Uncertainty Herding as the final one. Deviations: fewer batches, for
    a selection's time is theirs; strategies that take every task; first parts are of the same share, of 5,000
    images at most, or small pools would be shown whole and one strategy's batches all alike; the final
    strategy weighs by the ranks of the base's score and is not calibrated (``cover``). Loss weights are the
    final strategy's. How many images were left is kept with the round.
    bases: who proposes batches in turns, joined by +.
    final: who chooses from what is left.
    stages: how often the pool is sifted; 0 leaves the choice to the final strategy alone.
    batches: proposed in a stage.
    share: of what is left, the part that a batch is chosen from; never fewer images than are wanted.
    """

    def __init__(
        self,
        bases: StrategyNames = StrategyNames(BASES),  # noqa: B008 - strings
        final: StrategyName = StrategyName(FINAL),  # noqa: B008
        stages: int = 5,
        batches: int = 25,
        share: float = 0.4,
    ) -> None:
        if stages < 0 or batches < 1 or not 0 < share <= 1:
            raise ValueError(
                "ensemble: stages must be 0 or more, batches at least 1, share over 0 and up to 1"
            )
        self.asked = [resolve(name).name for name in bases.each]
        self.final = resolve(final).name
        together = bases if self.final in self.asked else StrategyNames(f"{bases}+{self.final}")
        super().__init__(together)
        check_no_draws(self.bases[self.final], self.final)
        self.stages, self.batches, self.share = stages, batches, share

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the final strategy looked."""
        return self.bases[self.final].maps(outputs)

    def select(self, pool: Pool, budget: int) -> Selection:
        """The final strategy's choice from what the others leave."""
        left = pool.unlabelled
        for _ in range(self.stages):
            left = self._proposed_of(pool, left, budget)
        own = self.seen_by(self.final, pool)
        selection = chosen_among(self.bases[self.final], own, left, budget)
        return replace(selection, notes={**selection.notes, "left": len(left)})

    def _proposed_of(self, pool: Pool, left: Positions, budget: int) -> Positions:
        """Those of the images left that are in any of the batches, in order of position."""
        size = max(budget, min(MOST, math.ceil(self.share * len(left))))
        batches = [
            self.proposed_among(
                self.asked[turn % len(self.asked)],
                replace(pool, rng=rng),
                rng.choice(left, size, replace=False),
                budget,
            )
            for turn, rng in enumerate(pool.rng.spawn(self.batches))
        ]
        return np.unique(np.concatenate(batches))

    def loss_weights(self, ranks: Scores) -> Scores | None:
        """Those of the final strategy."""
        return self.bases[self.final].loss_weights(ranks)
