"""The method: task consistency and diversity, reconstructed from its abstract (METHOD, sections 1 to 4)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from strategies.coverage import most_covering
from strategies.interface import (
    Draws,
    Kind,
    Outputs,
    Pool,
    Positions,
    Scores,
    Selection,
    Strategy,
)
from strategies.kernels.distance_sampling import distance_sampling
from strategies.kernels.diversity import k_center_greedy, k_center_of_sets
from strategies.lure import lure_weights
from strategies.registry import register
from strategies.score_normalisation import Normalisation, highest, normalise
from strategies.scoring import columns

if TYPE_CHECKING:
    from torch import Tensor


VECTOR = ".vector "  # before a task's name, and no name of a task begins so
PATCHES = ".patches"
UNPOOLED = ("patches", "inconsistency")
UNIFORM = 0.1  # of the probability, for select=draw: no loss weight is then over ten
ENOUGH = 0.9  # explained share below which a distilled vector is warned of


@register(
    "consistency-diversity",
    source="Hekimoglu, Schmidt & Marcos-Ramiro, WACV 2024; reconstructed from the abstract",
    family="hybrid",
)
class ConsistencyDiversity(Strategy):
    """Images whose initial and refined predictions disagree, far from all that is labelled or chosen.

    measure: divergence of the two predictions, or the task's training loss between them (loss).
    categorical, binary, scalar, direction: the divergence for tasks of that kind.
    scales: of several initial predictions, the finest or the mean of all.
    normalise: how scores are put on one scale before their mean over tasks is taken.
    representation: of the tasks' features, the bottleneck of an auto-encoder (distill), the features side by
    side (concat), or their principal components (pca). The auto-encoder is trained on the pool's features at
    every selection until it explains 0.9 of them; how much it does is kept with the round. Or several
    vectors an image (patches): k-means centres of its pixels, each with the features of all tasks side by
    side, projected onto random directions. An image is then as far as the one of its vectors that is farthest
    from all those of labelled and chosen images, and covered as well as they are on average (after FreeSel:
    Xie, Ding, Tomizuka & Zhan, NeurIPS 2023).
    patches: vectors of an image for representation=patches.
    pooling: features averaged over pixels (mean) or weighted by the task's inconsistency map.
    dimensions: length of the unified representation for distill, at most half of that of the features, for
    pca and for patches.
    select: greedy argmax of score^power * distance (product), or k-center among the keep * budget highest
    scores (filter), or what covers the informative images of the pool best (cover), or the images that random
    selection draws (random): the loss weights alone. power=0 is pure diversity, or plain coverage. Cover is
    the greedy maximum of the sum over unlabelled images of score^power * exp(-(distance / width)^2), distance
    being that to the nearest labelled or chosen image and width the representation's root mean square
    distance from its mean; its time grows with the square of the number of vectors, for which there is
    subsample[base=..]. It is the uncertainty coverage of Uncertainty Herding (Bae, Oliveira & Sutherland,
    ICLR 2025), whose scores are calibrated and whose width is the smallest distance between labelled images.
    Draw is product by lot, with probability in
    proportion to score^power * distance, but for a tenth that is spread evenly, so that every image has a
    chance.
    weighting: loss weights from the rank that each image's score for the task had in the pool from which the
    image was chosen (rank), or equal ones (none), or those of LURE (lure), which undo in expectation the
    shift that a choice by lot brings (Farquhar, Gal & Rainforth, ICLR 2021), for select=draw and random
    alone, because the other choices have no probabilities. The first set weighs 1; a task's weights have mean
    1.
    gain: how far those weights go, 1 - gain to 1 + gain.
    """

    def __init__(
        self,
        measure: Literal["divergence", "loss"] = "divergence",
        categorical: Literal["js", "kl"] = "js",
        binary: Literal["js", "difference", "weighted"] = "js",
        scalar: Literal["difference", "relative"] = "difference",
        direction: Literal["cosine", "l1"] = "cosine",
        scales: Literal["finest", "mean"] = "finest",
        normalise: Normalisation = "rank",
        representation: Literal["distill", "concat", "pca", "patches"] = "distill",
        patches: int = 5,
        pooling: Literal["mean", "inconsistency"] = "mean",
        dimensions: int = 128,
        select: Literal["product", "filter", "cover", "draw", "random"] = "product",
        power: float = 1.0,
        keep: float = 3.0,
        weighting: Literal["rank", "none", "lure"] = "rank",
        gain: float = 0.5,
    ) -> None:
        _check(dimensions=dimensions >= 1, patches=patches >= 1, power=power >= 0)
        _check(keep=keep >= 1, gain=0 <= gain <= 1, pooling=(representation, pooling) != UNPOOLED)
        self.by_loss = measure == "loss"
        self.divergence: dict[Kind, str] = {
            "categorical": categorical,
            "binary": binary,
            "scalar": scalar,
            "direction": direction,
        }
        self.scales, self.normalisation = scales, normalise
        self.representation, self.patches = representation, patches
        self.pooling, self.dimensions = pooling, dimensions
        self.choice, self.power, self.keep = select, power, keep
        self.gain = gain if weighting == "rank" else 0.0
        self.lure = weighting == "lure"
        if self.lure and select not in ("draw", "random"):
            raise ValueError(
                f"consistency-diversity: weighting=lure needs a choice by lot, select=draw or random, and "
                f"{select} has none"
            )

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The inconsistency of every task (B each) and its vector of the image (B x channels).

        Or several vectors of an image, of all tasks together (B x patches x dimensions).
        """
        if self.representation == "patches":
            return {PATCHES: self._patches(outputs), **self._inconsistencies(outputs)}
        vectors = {VECTOR + task: vector for task, vector in self._vectors(outputs).items()}
        return vectors | self._inconsistencies(outputs)

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the two stages disagree (B x H x W a task); the loss of an image has no where."""
        return {} if self.by_loss else self._maps(outputs)

    def select(self, pool: Pool, budget: int) -> Selection:
        """Score times distance, or by lot; or k-center among the highest scores; or coverage; or random."""
        raw = columns(pool, [task.name for task in pool.tasks])
        if self.choice == "random":
            chosen = pool.rng.choice(pool.unlabelled, budget, replace=False)
            equal = 1 / (len(pool.unlabelled) - np.arange(budget))
            return Selection(chosen, raw, probabilities=equal if self.lure else None)
        vectors, notes = self._unified(pool)
        if self.choice == "draw":
            return self._drawn(pool, budget, raw, vectors, notes)
        return Selection(self._diverse(pool, budget, raw, vectors), raw, notes=notes)

    def loss_weights(self, ranks: Scores) -> Scores | None:
        """Each task learns first from the images that were inconsistent for it."""
        return 1 + self.gain * (2 * ranks - 1) if self.gain else None

    def draw_weights(self, draws: Draws) -> Scores | None:
        """Those of LURE, if asked for."""
        return lure_weights(draws) if self.lure else None

    def _informative(self, pool: Pool, raw: Scores) -> Scores:
        score = np.zeros(len(pool.ids))
        score[pool.unlabelled] = _non_negative(normalise(raw[pool.unlabelled], self.normalisation).mean(1))
        return score

    def _drawn(
        self, pool: Pool, budget: int, raw: Scores, vectors: NDArray[Any], notes: Mapping[str, float]
    ) -> Selection:
        weights = self._informative(pool, raw) ** self.power
        chosen, probabilities = distance_sampling(
            vectors, budget, pool.labelled, pool.unlabelled, weights, uniform=UNIFORM, rng=pool.rng
        )
        return Selection(chosen, raw, notes=notes, probabilities=probabilities if self.lure else None)

    def _diverse(self, pool: Pool, budget: int, raw: Scores, vectors: NDArray[Any]) -> Positions:
        score = self._informative(pool, raw)
        if self.choice == "cover":
            return most_covering(vectors, pool, budget, score**self.power)
        candidates = self._candidates(pool, score, budget)
        weights = score**self.power if self.choice == "product" else None
        k_center = k_center_of_sets if self.representation == "patches" else k_center_greedy
        return k_center(
            vectors, budget, labelled=pool.labelled, candidates=candidates, weights=weights, rng=pool.rng
        )

    def _inconsistencies(self, outputs: Outputs) -> dict[str, Tensor]:
        from strategies.divergences import inconsistency_loss

        if self.by_loss:
            return {task.name: inconsistency_loss(outputs, task, self.scales) for task in outputs.tasks}
        return {task: disagreement.mean((1, 2)) for task, disagreement in self._maps(outputs).items()}

    def _maps(self, outputs: Outputs) -> dict[str, Tensor]:
        from strategies.divergences import inconsistency_map

        return {t.name: inconsistency_map(outputs, t, self.divergence, self.scales) for t in outputs.tasks}

    def _vectors(self, outputs: Outputs) -> Mapping[str, Tensor]:
        from strategies.representation import map_pooled, mean_pooled

        return mean_pooled(outputs) if self.pooling == "mean" else map_pooled(outputs, self._maps(outputs))

    def _patches(self, outputs: Outputs) -> Tensor:
        from strategies.patches import patches_of

        return patches_of(tuple(outputs.task_features.values()), self.patches, self.dimensions)

    def _unified(self, pool: Pool) -> tuple[NDArray[Any], dict[str, float]]:
        """One vector per image (N x d), or several (N x k x d), and what is to be noted of them."""
        from strategies.distillation import distilled
        from strategies.representation import principal_components

        if self.representation == "patches":
            return pool.rows[PATCHES], {}
        vectors = [pool.rows[VECTOR + task.name] for task in pool.tasks]
        if self.representation == "distill":
            unified, explained = distilled(vectors, self.dimensions, pool.rng)
            _warn_below(explained)
            return unified, {"explained": explained}
        rows = np.concatenate(vectors, axis=1)
        return (principal_components(rows, self.dimensions) if self.representation == "pca" else rows), {}

    def _candidates(self, pool: Pool, score: Scores, budget: int) -> Positions:
        if self.choice == "product":
            return pool.unlabelled
        count = min(len(pool.unlabelled), round(self.keep * budget))
        return pool.unlabelled[highest(score[pool.unlabelled], count, pool.rng)]


def _non_negative(score: Scores) -> Scores:
    """Z-scores go below zero, and a negative score times a distance would prefer the nearest image."""
    return score - min(0.0, float(score.min()))


def _warn_below(explained: float) -> None:
    if explained < ENOUGH:
        warnings.warn(
            f"consistency-diversity: the distilled vectors explain {explained:.0%} of the task features, not "
            f"{ENOUGH:.0%}: give them more dimensions, or take representation=concat",
            stacklevel=2,
        )


def _check(**conditions: bool) -> None:
    wanted = {
        "dimensions": "at least 1",
        "patches": "at least 1",
        "pooling": "mean where representation is patches: they are of pixels, which are not pooled",
        "power": "0 or more",
        "keep": "at least 1",
        "gain": "from 0 to 1",
    }
    for name, holds in conditions.items():
        if not holds:
            raise ValueError(f"consistency-diversity: {name} must be {wanted[name]}")
