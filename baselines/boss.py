"""BoSS: the best of many batches that strategies propose, found by training on each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strategies import Pool, Selection, StrategyNames, register
from strategies.ensemble import Ensemble
from strategies.interface import Judged, Positions
from strategies.score_normalisation import highest

#: Of several kinds, and none that takes long: each is asked for a few batches in every round.
BASES = "random+core-set+typiclust+max-herding+badge+entropy"


@register(
    "boss",
    source="Huseljic, Hahn, Herde, Sandrock & Sick 2026 (BoSS, arXiv 2603.13109)",
    family="reference",
)
class Boss(Ensemble):
    """The best of many batches, each judged by training on it with its true labels. Never ranked.

    An oracle: it says how much choosing could win at least. Strategies take turns to propose a batch, each of
    a random part of the unlabelled images, so that no two of one strategy are alike. Of every batch the heads
    behind the frozen trunk are trained with its labels, and the batch with the least multi-task loss on
    images that are in no pool (``oracle_split``) is chosen. Deviations: the source judges on the test set by
    the error of one retrained layer; here nothing that a study evaluates on is looked at, all heads are
    trained, and the trainings are the oracle's own, so that no luck of the evaluated one is chosen. The
    source has ten strategies of classification and 100 batches; here they are ``bases`` and ``candidates``.
    It is greedy from round to round. Best of many noisy losses is chosen, so the loss that it saw is too
    good; what counts is the loss of the round that follows. Notes of a round: the losses seen, trainings,
    and the processor's seconds.
    candidates: batches in a round.
    bases: who proposes them in turns, joined by +.
    length: of each training, as a share of the recipe's iterations.
    smallest: least share of the unlabelled images that a batch is chosen from; it is drawn from here to 1.
    """

    def __init__(
        self,
        candidates: int = 20,
        bases: StrategyNames = StrategyNames(BASES),  # noqa: B008 - it is a string
        length: float = 0.5,
        smallest: float = 0.25,
    ) -> None:
        super().__init__(bases)
        if candidates < 1 or not 0 < length <= 1 or not 0 < smallest <= 1:
            raise ValueError("boss: candidates must be at least 1, length and smallest over 0 and up to 1")
        if "usefulness" in self.knows:
            raise ValueError("boss: one of its bases is an oracle itself")
        self.length, self.smallest = length, smallest
        self.reference = True
        self.knows = (*self.knows, "usefulness")
        self.judgements = (length,) * candidates

    def select(self, pool: Pool, budget: int) -> Selection:
        """The batch of the least loss. Raises ValueError for a pool that nobody judges of."""
        judge = pool.known.judge
        if judge is None:
            raise ValueError("boss needs somebody who judges of images, and was told of nobody")
        names = list(self.bases)
        asked = [names[turn % len(names)] for turn in range(len(self.judgements))]
        streams = pool.rng.spawn(len(asked))
        batches = [self._batch(name, pool, budget, rng) for name, rng in zip(asked, streams, strict=True)]
        judged = [judge(batch, self.length) for batch in batches]
        best = highest(-np.array([one.loss for one in judged]), 1, pool.rng)[0]
        return Selection(batches[best], notes=_notes(asked, batches, judged))

    def _batch(self, name: str, pool: Pool, budget: int, rng: np.random.Generator) -> Positions:
        """What a strategy proposes of a random part of what is unlabelled."""
        free = len(pool.unlabelled)
        count = max(budget, math.ceil(rng.uniform(self.smallest, 1) * free))
        drawn = rng.permutation(pool.unlabelled)[:count]
        return self.proposed_among(name, replace(pool, rng=rng), drawn, budget)


def _notes(asked: Sequence[str], batches: Sequence[Positions], judged: Sequence[Judged]) -> dict[str, float]:
    """Losses, the best one of each strategy among them, and what finding them took."""
    losses = [one.loss for one in judged]
    of_each = {
        f"loss of {name}": min(loss for other, loss in zip(asked, losses, strict=True) if other == name)
        for name in dict.fromkeys(asked)
    }
    # The same images, which several may propose where few are left, are trained on once.
    trained = {frozenset(batch.tolist()): one for batch, one in zip(batches, judged, strict=True)}
    took = sum(one.processor_seconds for one in trained.values())
    return {
        "loss": min(losses),
        "mean loss": float(np.mean(losses)),
        **of_each,
        "trainings": len(trained),
        "processor seconds": round(took, 4),
    }
