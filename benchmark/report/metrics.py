"""What the report knows of metrics: how they are written and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Metric:
    """How a metric is written and which way is better; None where the report cannot know."""

    label: str
    better: Better | None

    @property
    def arrow(self) -> str:
        """The usual sign of the better direction, or nothing."""
        return {"lower": " ↓", "higher": " ↑", None: ""}[self.better]


#: In the order in which figures show them.
KNOWN = {
    "loss": Metric("Loss", "lower"),
    "initial_loss": Metric("Initial loss", "lower"),
    "miou": Metric("mIoU (%)", "higher"),
    "accuracy": Metric("Pixel accuracy (%)", "higher"),
    "max_f": Metric("maxF (%)", "higher"),
    "edge_f": Metric("Edge F (%)", "higher"),
    "ods_f": Metric("odsF (%)", "higher"),
    "rmse": Metric("RMSE", "lower"),
    "abs_rel": Metric("Absolute rel. error", "lower"),
    "mean_angle": Metric("Mean angle (°)", "lower"),
    "median_angle": Metric("Median angle (°)", "lower"),
    "below_11": Metric("Under 11.25° (%)", "higher"),
    "below_22": Metric("Under 22.5° (%)", "higher"),
    "below_30": Metric("Under 30° (%)", "higher"),
}


def metric(name: str) -> Metric:
    """The metric of this name; an unknown one goes by its name and has no better direction."""
    return KNOWN.get(name, Metric(name, None))


def in_order(names: set[str]) -> list[str]:
    """Known metrics in their fixed order, then unknown ones by name."""
    return [name for name in KNOWN if name in names] + sorted(names - KNOWN.keys())
