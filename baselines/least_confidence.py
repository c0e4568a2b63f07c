"""Least-confidence sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from baselines._probabilities import DISCRETE, probabilities
from strategies import Outputs, register

if TYPE_CHECKING:
    from torch import Tensor


@register("least-confidence", source="Lewis & Gale, SIGIR 1994", kinds=DISCRETE)
def least_confidence(outputs: Outputs) -> Mapping[str, Tensor]:
    """Low probability of the most probable class: 1 - max p, mean over pixels.

    Deviations: the source scores one yes or no per sample; here pixels are averaged, more classes are allowed
    (as in Settles 2009, section 3.1), and tasks are brought together by mean rank. A binary task has
    1 - max(p, 1 - p). Depth and normals have no score.
    """
    return {
        task: (1 - probabilities(outputs.refined[task]).amax(1)).mean((1, 2))
        for task in outputs.of_kind(*DISCRETE)
    }
