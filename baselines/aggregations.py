"""Known ways to settle what several tasks want, as modifiers of any strategy of scores.

The mean rank needs none: it is how strategies of scores choose by themselves.
"""

from __future__ import annotations

import numpy as np

from strategies import Modifier, aggregation, register
from strategies.interface import Positions, Scores


class Aggregated(Modifier):
    """A base's scores, its tasks brought together by an aggregation."""

    #: Gives positions of the chosen among n x T scores.
    aggregate: aggregation.Aggregation

    def pick(self, scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
        """What the aggregation chooses."""
        return self.aggregate(scores, budget, rng)


@register("maximum", source="the maximum over tasks of the base's ranks", family="modifier")
class Maximum(Aggregated):
    """Highest rank of the base's score for any task: what one task wants badly is bought."""

    aggregate = staticmethod(aggregation.maximum_rank)


@register("minimum", source="the minimum over tasks of the base's ranks", family="modifier")
class Minimum(Aggregated):
    """Highest rank for the task that wants it least: what all tasks want."""

    aggregate = staticmethod(aggregation.minimum_rank)


@register("pareto", source="Deb et al. 2002, section III A (non-dominated sorting)", family="modifier")
class Pareto(Aggregated):
    """Pareto fronts of the base's per-task scores, one peeled after the other, highest mean rank first."""

    aggregate = staticmethod(aggregation.pareto)


@register("reciprocal-rank-fusion", source="Cormack, Clarke & Buettcher, SIGIR 2009", family="modifier")
class ReciprocalRankFusion(Aggregated):
    """Highest sum over tasks of 1 / (60 + place by the base's score)."""

    aggregate = staticmethod(aggregation.reciprocal_rank_fusion)


@register("round-robin", source="Reichart, Tomanek, Hahn & Rappoport, ACL 2008", family="modifier")
class RoundRobin(Aggregated):
    """Tasks take turns; each buys the unlabelled image with its highest base score (budget / T a task)."""

    aggregate = staticmethod(aggregation.round_robin)
