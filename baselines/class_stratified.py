"""Class-stratified selection: most of the budget goes round the classes that the network predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from baselines._foreground import SHOWN, classes_predicted, foreground_classes
from baselines._probabilities import discrete, probabilities
from baselines.noisy import power
from strategies import Modifier, Outputs, Pool, Selection, StrategyName, register
from strategies.interface import Scores, TaskSpec
from strategies.rank_aggregation import round_robin
from strategies.score_normalisation import highest, ranks
from strategies.scoring import all_tasks

if TYPE_CHECKING:
    from torch import Tensor

# Before a task's name, and no name of a task begins so.
UNSURE, CONTENT = ".unsure ", ".content "


@register(
    "class-stratified",
    source="after ClaSP PE: Lüth, Traub, Kahl et al., TMLR 2026",
    family="modifier",
)
class ClassStratified(Modifier):
    """Strata of predicted classes take turns for a share of the budget; the rest goes by the base's score.

    What the paper's abstract and figure say: two thirds of the budget stratified by predicted class, the
    other third by predictive entropy, and noise on the logarithm of scores that decays from round to round.
    From the authors' code: a class's score is the mean over pixels of entropy times the class's probability,
    background has no stratum, strata get equal shares and remainders are random.
    Ours, for the paper's body could not be read: noise is Gumbel noise of scale 1 / (beta * growth^round),
    where the authors' schedule may be another; a class has the base's score times its share of the image's
    predictive entropy, which for entropy as base is the code's score, and lets others be stratified too; the
    background of several classes is the one that covers most of the pool by the predictions. Images are
    chosen, not 3D patches, and strata of all tasks take turns.
    Tasks without classes are stratified by predicted content: quartiles, or as many bins, of the unlabelled
    images by mean depth, and for normals by the length of the mean unit vector, 1 where all point one way.
    In a bin the base's score decides.
    base: any strategy that chooses by a score per task; tasks without its score have no strata.
    share: of the budget that is stratified.
    bins: of predicted content.
    beta: near 0 the choice within a stratum is uniform, a large one takes the highest scores.
    growth: factor of beta from round to round; 1 keeps the noise.
    """

    def __init__(
        self,
        base: StrategyName = StrategyName("entropy"),  # noqa: B008 - it is a string
        share: float = 0.66,
        bins: int = 4,
        beta: float = 1.0,
        growth: float = 2.0,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"class-stratified: share must be from 0 to 1, not {share}")
        if bins < 1 or beta <= 0 or growth < 1:
            raise ValueError("class-stratified: bins and growth must be at least 1, and beta more than 0")
        super().__init__(base)
        self.share, self.bins, self.beta, self.growth = share, bins, beta, growth

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures, what each image shows, and where it is unsure (B x C a discrete task)."""
        unsure = {
            UNSURE + name: unsure_of(probabilities(outputs.refined[name])) for name in discrete(outputs.tasks)
        }
        contents = {
            CONTENT + name: content(outputs.refined[name]) for name in outputs.of_kind("scalar", "direction")
        }
        return {**super().measure(outputs), **classes_predicted(outputs), **unsure, **contents}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Turns among the strata, then the highest scores of the images left."""
        scores = self.scores(pool)
        specs = [task for task in pool.tasks if task.name in scores]
        strata = np.concatenate([self._strata(pool, task, scores[task.name]) for task in specs], axis=1)
        raw = np.stack([scores[task.name] for task in specs], 1)[pool.unlabelled]
        first = round_robin(self._noisy(_log(strata), pool), round(self.share * budget), pool.rng)
        left = np.setdiff1d(np.arange(len(raw)), first)
        rest = left[highest(self._noisy(power(raw), pool)[left], budget - len(first), pool.rng)]
        return Selection(pool.unlabelled[np.append(first, rest)], all_tasks(pool, scores))

    def _noisy(self, potential: Scores, pool: Pool) -> Scores:
        scale = self.growth**-pool.round / self.beta
        return potential + pool.rng.gumbel(scale=scale, size=potential.shape)

    def _strata(self, pool: Pool, task: TaskSpec, score: Scores) -> Scores:
        """Scores of the n unlabelled images in each stratum of a task (n x S), 0 for those outside."""
        informative = (score - min(0.0, score.min()))[pool.unlabelled, None]
        if CONTENT + task.name in pool.rows:
            values = pool.rows[CONTENT + task.name][pool.unlabelled]
            return np.asarray(informative * in_bins(values, self.bins))
        classes = foreground_classes(task, pool.rows[SHOWN + task.name])
        return np.asarray(informative * pool.rows[UNSURE + task.name][pool.unlabelled][:, classes])


def unsure_of(p: Tensor) -> Tensor:
    """The share that each class has of an image's predictive entropy (B x C), from B x C x H x W.

    Where a pixel is unsure it is so of its classes, by their probability. An image that is sure of every
    pixel has the mean probabilities.
    """
    import torch

    entropy = torch.special.entr(p).sum(1, keepdim=True)
    whole = entropy.sum((2, 3))
    shares = (entropy * p).sum((2, 3)) / torch.where(whole == 0, 1, whole)
    return torch.where(whole == 0, p.mean((2, 3)), shares)


def content(prediction: Tensor) -> Tensor:
    """Mean of numbers, or length of the mean of directions (B), from B x 1 or 3 x H x W."""
    import torch.nn.functional as F

    if prediction.shape[1] == 1:
        return prediction.mean((1, 2, 3))
    length: Tensor = F.normalize(prediction, dim=1).mean((2, 3)).norm(dim=1)
    return length


def in_bins(values: NDArray[Any], bins: int) -> NDArray[np.bool_]:
    """Which of the bins with equally many images each of n lies in (n x bins); equal values share one."""
    of = np.minimum((ranks(values.astype(np.float64)) * bins).astype(np.int64), bins - 1)
    return np.asarray(of[:, None] == np.arange(bins))


def _log(scores: Scores) -> Scores:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scores))
