"""How far a result is one of these validation images: its standard error over images beside that over seeds.

Networks of all seeds and strategies are evaluated on the same images, so no repetition of a study shows what
other images would change. The losses of single images do: seeds and images are two crossed random factors,
and the mean squares of both and of what is left say what new seeds, new images, and both at once would vary
by (Searle, Casella and McCulloch 1992, section 4.3; degrees of freedom after Satterthwaite 1946).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmark.report.results.image_totals import ImageTotals, Place
from benchmark.report.statistics.naubc import naubc
from strategies.reference import is_draw, without_draw

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ImageError:
    """A mean over ``seeds`` and ``images`` and its standard errors: over new seeds, over new images.

    ``low`` and ``high`` are the 95 % interval over both at once, never narrower than that over seeds alone.
    NaN for what one seed does not say.
    """

    seeds: int
    images: int
    mean: float
    over_seeds: float
    over_images: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ImageAreas:
    """NAUBC image by image (N), by strategy and seed; random is the mean of its draws, as everywhere."""

    by_name: Mapping[str, Mapping[int, Values]]
    #: Of every draw of random by itself, by seed.
    draws: Mapping[int, Sequence[Values]]

    @property
    def images(self) -> int:
        """How many validation images; 0 where no losses are kept."""
        return next((len(area) for seeds in self.by_name.values() for area in seeds.values()), 0)

    def of(self, strategy: str) -> ImageError | None:
        """Of a strategy's NAUBC; None where none of its seeds has losses of single images."""
        return image_error(list(self.by_name.get(strategy, {}).values()))

    def difference(self, strategy: str, against: str) -> ImageError | None:
        """Of a paired difference, over the seeds and the images that both have."""
        one, other = (self.by_name.get(name, {}) for name in (strategy, against))
        return image_error([one[seed] - other[seed] for seed in sorted(set(one) & set(other))])

    @property
    def of_trajectory(self) -> float:
        """The standard error over images of one draw of random's NAUBC, in the mean square over all draws."""
        areas = [area for draws in self.draws.values() for area in draws]
        return math.sqrt(np.mean([_of_mean(area) for area in areas])) if areas else math.nan

    @property
    def of_draw(self) -> float:
        """The same of what one draw of random differs from the others of its seed by."""
        groups = [np.stack(draws) for draws in self.draws.values() if len(draws) > 1]
        degrees = sum(len(group) - 1 for group in groups)
        squares = sum(_of_mean(area) for group in groups for area in group - group.mean(0))
        return math.sqrt(squares / degrees) if degrees else math.nan


def image_error(areas: Sequence[Values]) -> ImageError | None:
    """Of the mean over seeds (S) and images (N) of values that each seed has for each image.

    None without a seed or with a single image.
    """
    if not areas or len(areas[0]) < 2:
        return None
    values = np.stack(areas)
    seeds, images = values.shape
    mean = float(values.mean())
    if seeds == 1:
        return ImageError(1, images, mean, math.nan, math.sqrt(_of_mean(values[0])), math.nan, math.nan)
    parts = _Variances.of(values)
    half = parts.half_width()
    errors = math.sqrt(parts.seeds), math.sqrt(parts.images)
    return ImageError(seeds, images, mean, *errors, mean - half, mean + half)


def image_areas(
    kept: Mapping[Place, ImageTotals],
    dataset: str,
    budgets: Sequence[int],
    trajectories: Iterable[tuple[str, int]],
) -> ImageAreas:
    """The areas of the trajectories (strategy, seed) of a data set that have losses at every budget.

    A seed of random counts where all its draws have them: its mean would be another one otherwise.
    """
    own = {place: one for place, one in sorted(kept.items()) if place.dataset == dataset}
    # Of one validation set: rows of another one would be paired with other images.
    ids = next((one.ids for one in own.values()), "")
    same = {place: one.values for place, one in own.items() if one.ids == ids}
    shares = [naubc(budgets, unit) for unit in np.eye(len(budgets)).tolist()]
    every = {
        (strategy, seed): _area([same.get(Place(dataset, strategy, seed, size)) for size in budgets], shares)
        for strategy, seed in sorted(set(trajectories))
    }
    groups: dict[str, dict[int, list[Values | None]]] = {}
    for (strategy, seed), area in every.items():
        groups.setdefault(without_draw(strategy), {}).setdefault(seed, []).append(area)
    by_name = {name: _whole_seeds(seeds) for name, seeds in groups.items()}
    draws: dict[int, list[Values]] = {}
    for (strategy, seed), area in every.items():
        if is_draw(strategy) and area is not None:
            draws.setdefault(seed, []).append(area)
    return ImageAreas({name: seeds for name, seeds in by_name.items() if seeds}, draws)


@dataclass(frozen=True)
class _Variances:
    """Of a mean over seeds and images: over new seeds, over new images, and by what is left of both."""

    seeds: float
    images: float
    rest: float
    shape: tuple[int, int]

    @classmethod
    def of(cls, values: Values) -> _Variances:
        """From the mean squares; what is left is in each of the others once."""
        rows, columns = values.mean(1), values.mean(0)
        left = values - rows[:, None] - columns + values.mean()
        count, (seeds, images) = values.size, values.shape
        rest = float((left**2).sum()) / ((seeds - 1) * (images - 1)) / count
        return cls(
            float(rows.var(ddof=1)) / seeds, float(columns.var(ddof=1)) / images, rest, (seeds, images)
        )

    def half_width(self) -> float:
        """Of the 95 % interval over new seeds and new images."""
        alone = _quantile(self.shape[0] - 1) * math.sqrt(self.seeds)
        both = self.seeds + self.images - self.rest
        # Where images differ by no more than what is left they add nothing.
        if self.images <= self.rest or both == 0:
            return alone
        # Satterthwaite's degrees may be more than those of seeds: it is never narrower for that.
        return max(alone, _quantile(both**2 / self._spent()) * math.sqrt(both))

    def _spent(self) -> float:
        seeds, images = (size - 1 for size in self.shape)
        return self.seeds**2 / seeds + self.images**2 / images + self.rest**2 / (seeds * images)


def _quantile(degrees: float) -> float:
    return float(stdtrit(degrees, 0.975))


def _of_mean(values: Values) -> float:
    """The variance of the mean of independent values."""
    return float(values.var(ddof=1)) / len(values)


def _area(curve: Sequence[Values | None], shares: Sequence[float]) -> Values | None:
    """NAUBC image by image: it is linear in the losses. None where a budget has none."""
    there = [values for values in curve if values is not None]
    if len(there) < max(len(curve), 2):
        return None
    return np.asarray(np.tensordot(np.asarray(shares), np.stack(there), 1))


def _whole_seeds(seeds: Mapping[int, Sequence[Values | None]]) -> dict[int, Values]:
    """The mean over a seed's trajectories, draws of random, where all of them have losses."""
    whole = {seed: [a for a in areas if a is not None] for seed, areas in seeds.items()}
    return {
        seed: np.asarray(np.mean(areas, axis=0))
        for seed, areas in whole.items()
        if len(areas) == len(seeds[seed])
    }
