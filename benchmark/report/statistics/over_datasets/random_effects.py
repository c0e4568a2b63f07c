"""One number from several data sets: their mean, how much they differ, and what a further one may give.

Data sets are taken for draws of all that there are, each with a true effect of its own (DerSimonian and Laird
1986). Their variance is Paule's and Mandel's (1982), at which the weighted squares are as many as they should
be; it asks for no normal effects and does well with few data sets (Veroniki et al. 2016). The interval is
Hartung's and Knapp's (2001), never narrower than the weights alone make it (Röver, Knapp and Friede 2015):
with this variance, a t interval of k - 1 degrees of freedom. Prediction: Higgins, Thompson and Spiegelhalter
(2009).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, stdtr, stdtrit

#: With fewer there is no interval for a further data set.
FOR_A_PREDICTION = 3


@dataclass(frozen=True)
class RandomEffects:
    """The mean of ``count`` effects, its standard ``error``, 95 % interval and two-sided ``p``.

    ``tau`` is the standard deviation of true effects between data sets; ``i_squared`` the share of the
    effects' variance that is not their own error (Higgins and Thompson 2002), and ``heterogeneity`` the p
    value of Cochran's test that there is none. ``further_low`` to ``further_high`` is the 95 % interval for
    the true effect on a further data set, NaN with fewer than three.
    """

    count: int
    mean: float
    error: float
    low: float
    high: float
    p: float
    tau: float
    i_squared: float
    heterogeneity: float
    further_low: float
    further_high: float


def random_effects(effects: Sequence[float], errors: Sequence[float]) -> RandomEffects:
    """From an effect and its standard error of each data set.

    Raises ValueError for fewer than two, for lengths that differ, and for an error that is not above 0.

    >>> found = random_effects([-0.2, -0.1, -0.3], [0.1, 0.1, 0.1])
    >>> round(found.mean, 3), found.tau
    (-0.2, 0.0)
    """
    y, s = np.asarray(effects, float), np.asarray(errors, float)
    if y.shape != s.shape or len(y) < 2 or not (np.isfinite(y) & np.isfinite(s) & (s > 0)).all():
        raise ValueError("a mean over data sets needs two effects or more, each with an error above 0")
    tau_squared, degrees = _between(y, s), len(y) - 1
    mean, error = _weighted(y, s, tau_squared)
    half = float(stdtrit(degrees, 0.975)) * error
    further = _further(tau_squared, error, len(y))
    squares = _squares(y, s, 0.0)
    return RandomEffects(
        count=len(y),
        mean=mean,
        error=error,
        low=mean - half,
        high=mean + half,
        p=float(2 * stdtr(degrees, -abs(mean) / error)),
        tau=math.sqrt(tau_squared),
        i_squared=max(0.0, 1 - degrees / squares) if squares else 0.0,
        heterogeneity=float(chdtrc(degrees, squares)),
        further_low=mean - further,
        further_high=mean + further,
    )


def _weighted(y: NDArray[np.float64], s: NDArray[np.float64], tau_squared: float) -> tuple[float, float]:
    """The mean weighted by precision, and its standard error."""
    weights = 1 / (s**2 + tau_squared)
    return float((weights * y).sum() / weights.sum()), float(1 / math.sqrt(weights.sum()))


def _squares(y: NDArray[np.float64], s: NDArray[np.float64], tau_squared: float) -> float:
    """Squared distances to the mean in units of their variance; Cochran's Q, if that is of errors alone."""
    mean, _ = _weighted(y, s, tau_squared)
    return float(((y - mean) ** 2 / (s**2 + tau_squared)).sum())


def _between(y: NDArray[np.float64], s: NDArray[np.float64]) -> float:
    """The variance between data sets at which the squares are k - 1, what they are in the mean; 0 without."""
    from scipy import optimize

    degrees = len(y) - 1
    if _squares(y, s, 0.0) <= degrees:
        return 0.0
    most = float(np.ptp(y) ** 2)  # no effect is farther than half of that from the middle: k / 4 at most
    return float(optimize.brentq(lambda variance: _squares(y, s, variance) - degrees, 0.0, most))


def _further(tau_squared: float, error: float, count: int) -> float:
    """The half width for a further data set."""
    if count < FOR_A_PREDICTION:
        return math.nan
    return float(stdtrit(count - 2, 0.975)) * math.sqrt(tau_squared + error**2)
