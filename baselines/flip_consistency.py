"""Flip consistency: does the network say the same of the mirrored image?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Outputs, register

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "flip-consistency", source="EquAL: Golestaneh & Kitani, BMVC 2020 (its self-consistency)", views=("flip",)
)
def flip_consistency(outputs: Outputs) -> Mapping[str, Tensor]:
    """Disagreement of the refined prediction with that of the mirrored image, mapped back; mean over pixels.

    Jensen-Shannon divergence in units of log 2 for categorical and binary tasks, absolute difference for
    depth, 1 - cosine for normals: the divergences of ``inconsistency``.
    Deviations: the paper trains the network to be consistent and selects patches whose entropy is high under
    the flip; here the network is the same for all strategies, so the inconsistency that the paper would train
    away is itself the score, of whole images. The paper has one task, semantic segmentation.
    """
    from strategies.divergences import DEFAULTS, DIVERGENCES

    mirrored = outputs.views["flip"].refined
    differing = {task.name: DIVERGENCES[task.kind][DEFAULTS[task.kind]] for task in outputs.tasks}
    return {t: differ(outputs.refined[t], mirrored[t]).mean((1, 2)) for t, differ in differing.items()}
