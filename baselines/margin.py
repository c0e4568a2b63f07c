"""Margin sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from baselines._probabilities import DISCRETE, probabilities
from strategies import Outputs, register

if TYPE_CHECKING:
    from torch import Tensor


@register("margin", source="Scheffer, Decomain & Wrobel, IDA 2001; Settles 2009, section 3.1", kinds=DISCRETE)
def margin(outputs: Outputs) -> Mapping[str, Tensor]:
    """Small margin between the two most probable classes: 1 - (p1 - p2), mean over pixels.

    Deviations: the sources score one label per sample; here pixels are averaged (0..1), and tasks are brought
    together by mean rank. A binary task's two classes are yes and no. Depth and normals have no score.
    """
    return {task: _closeness(outputs.refined[task]) for task in outputs.of_kind(*DISCRETE)}


def _closeness(logits: Tensor) -> Tensor:
    first, second = probabilities(logits).topk(2, dim=1).values.unbind(1)
    return (1 - (first - second)).mean((1, 2))
