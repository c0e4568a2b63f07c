"""What the NAUBC of random varies by: the seed, the images that were chosen, the training, the evaluation.

Several draws of random a seed share the first labelled set and its network. So they say apart what a seed
does to all of them, which a paired difference does not have, and what one draw differs from the next by,
which it has: the choice of images with the training on them. How much of it is the training alone, repeated
trainings of one set say (``mtal noise``). Analysis of variance of one random factor (Searle, Casella and
McCulloch 1992, sections 3.5 and 3.6), for draws that may be unequally many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv


@dataclass(frozen=True)
class Deviation:
    """A standard deviation with its 95 % interval, from so many degrees of freedom; NaN where not known."""

    value: float
    low: float = math.nan
    high: float = math.nan
    degrees: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return not math.isnan(self.value)

    def times(self, factor: float) -> Deviation:
        """Of values this many times as large."""
        return Deviation(factor * self.value, factor * self.low, factor * self.high, self.degrees)


UNKNOWN = Deviation(math.nan)


@dataclass(frozen=True)
class Components:
    """Standard deviations of one trajectory's NAUBC by what they come from.

    ``seed`` is common to all trajectories of a seed and has no interval; ``draw`` is what one differs from
    another of its seed by: ``training`` is in it, and ``labelled_set`` is the rest. ``evaluation`` is that of
    other validation images: all strategies see the same ones, so no repetition in a study shows it. What a
    draw differs from another by has a part of it, ``evaluation_of_draw``, which more images would lessen.
    """

    seed: Deviation
    draw: Deviation
    labelled_set: Deviation
    training: Deviation
    evaluation: Deviation = UNKNOWN
    evaluation_of_draw: Deviation = UNKNOWN

    def of_difference(self, draws: int) -> Deviation:
        """Of a trajectory minus the mean of so many draws of random of its seed, by the draws alone.

        For a strategy whose trajectories vary as those of random do, and that does as well in one seed as in
        another.
        """
        return self.draw.times(math.sqrt(1 + 1 / draws))


def components(draws: Mapping[int, Sequence[float]], trainings: Sequence[float] = ()) -> Components:
    """From the NAUBC of every draw of random by seed, and of repeated trainings of one labelled set."""
    within, degrees = _within([np.asarray(values, float) for values in draws.values() if len(values)])
    training = spread(trainings)
    draw = _with_interval(within, degrees)
    return Components(
        seed=Deviation(_between(list(draws.values()), within)),
        draw=draw,
        labelled_set=_rest(draw, training),
        training=training,
    )


def spread(values: Sequence[float]) -> Deviation:
    """The standard deviation of independent values."""
    if len(values) < 2:
        return UNKNOWN
    return _with_interval(float(np.var(values, ddof=1)), len(values) - 1)


def _within(groups: Sequence[np.ndarray]) -> tuple[float, int]:
    """The mean square within seeds, and its degrees of freedom."""
    degrees = sum(len(group) - 1 for group in groups)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return (squares / degrees, degrees) if degrees > 0 else (math.nan, 0)


def _between(groups: Sequence[Sequence[float]], within: float) -> float:
    """The deviation of what draws of a seed share; 0 where the seeds differ by no more than draws do."""
    sizes = np.asarray([len(group) for group in groups if len(group)], float)
    if len(sizes) < 2 or math.isnan(within):
        return math.nan
    means = np.asarray([np.mean(group) for group in groups if len(group)])
    grand = float((sizes * means).sum() / sizes.sum())
    mean_square = float((sizes * (means - grand) ** 2).sum()) / (len(sizes) - 1)
    typical = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    return math.sqrt(max((mean_square - within) / float(typical), 0.0))


def _rest(draw: Deviation, training: Deviation) -> Deviation:
    """What is left of the draws without the training; it has no interval."""
    return Deviation(math.sqrt(max(draw.value**2 - training.value**2, 0.0)))


def _with_interval(variance: float, degrees: int) -> Deviation:
    if degrees < 1:
        return UNKNOWN
    low, high = (math.sqrt(variance * degrees / _chi_squared(q, degrees)) for q in (0.975, 0.025))
    return Deviation(math.sqrt(variance), low, high, degrees)


def _chi_squared(level: float, degrees: int) -> float:
    return float(2 * gammaincinv(degrees / 2, level))
