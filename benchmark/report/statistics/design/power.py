"""How many seeds a study needs to find a difference, or to show that there is none that matters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from benchmark.report.statistics.holm_family import LEVEL
from benchmark.report.statistics.intervals import SEEDS_FOR_A_TEST
from benchmark.report.statistics.paired_tests import POWER

#: More seeds than this nobody trains.
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class PairedTest:
    """A paired t test: its level, the comparisons that it is corrected for, and whether it looks at one side.

    The level is divided by ``family`` (Bonferroni): what the smallest p value must keep under Holm's method,
    and no less than the max-T test asks.
    """

    level: float = LEVEL
    family: int = 1
    one_sided: bool = False

    @property
    def each(self) -> float:
        """The level of one comparison."""
        return self.level / self.family


def power(difference: float, deviation: float, seeds: int, test: PairedTest = PairedTest()) -> float:
    """The probability that the test finds a true mean of this size, of differences with this deviation.

    By the noncentral t distribution (Cohen 1988, section 2.3). NaN for fewer seeds than a test takes.
    """
    if seeds < SEEDS_FOR_A_TEST:
        return math.nan
    shift, degrees = abs(difference) / deviation * math.sqrt(seeds), seeds - 1
    if test.one_sided:
        return _beyond(degrees, shift, float(special.stdtrit(degrees, 1 - test.each)))
    limit = float(special.stdtrit(degrees, 1 - test.each / 2))
    found = 1 - float(special.ncfdtr(1, degrees, shift**2, limit**2))  # the square of t is an F
    return _beyond(degrees, shift, limit) if math.isnan(found) else found


def equivalence_power(margin: float, deviation: float, seeds: int, test: PairedTest = PairedTest()) -> float:
    """The probability that equivalence within the margin is shown where there is no difference at all.

    The difference must be at least so far inside that both one-sided tests reject: with the deviation taken
    as known, 2 P(t > t_limit - margin) - 1 (Julious 2004, section 5.2), which is slightly low for few seeds.
    """
    if seeds < SEEDS_FOR_A_TEST:
        return math.nan
    shift, degrees = margin / deviation * math.sqrt(seeds), seeds - 1
    limit = float(special.stdtrit(degrees, 1 - test.each))
    return max(2 * _beyond(degrees, shift, limit) - 1, 0.0)


def seeds_needed(
    difference: float, deviation: float, wanted: float = POWER, test: PairedTest = PairedTest()
) -> int:
    """The smallest number of seeds whose test has the wanted power; ``MOST_SEEDS`` where more are needed."""
    return _first(lambda seeds: power(difference, deviation, seeds, test) >= wanted)


def seeds_for_equivalence(
    margin: float, deviation: float, wanted: float = POWER, test: PairedTest = PairedTest()
) -> int:
    """The same for equivalence within a margin, if there is no difference."""
    return _first(lambda seeds: equivalence_power(margin, deviation, seeds, test) >= wanted)


def _beyond(degrees: int, shift: float, limit: float) -> float:
    """The probability that a noncentral t is above a limit."""
    below = float(special.nctdtr(degrees, shift, limit))
    if math.isnan(below):  # the series gives up on large shifts, where t is nearly normal
        spread = math.sqrt(1 + limit**2 / (2 * degrees))
        below = float(special.ndtr((limit * (1 - 1 / (4 * degrees)) - shift) / spread))
    return 1 - below


def _first(enough: Callable[[int], bool]) -> int:
    """The first number of seeds that is enough, by halving: power grows with seeds."""
    low, high = SEEDS_FOR_A_TEST, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
