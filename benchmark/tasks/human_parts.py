"""Human parts: semantic segmentation of people; images without parts are unlabelled."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.tasks.semseg import Semseg

#: The six parts of the multi-task literature (Maninis et al. 2019), after the background.
PARTS = ("background", "head", "torso", "upper arm", "lower arm", "upper leg", "lower leg")


class HumanParts(Semseg):
    """One of seven classes per pixel (uint8, H x W), the background among them."""

    default_weight = 2.0

    def __init__(self, name: str, classes: Sequence[str] = (), weight: float | None = None) -> None:
        super().__init__(name, classes or PARTS, weight)
