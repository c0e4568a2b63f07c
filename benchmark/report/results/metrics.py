"""What the report knows of metrics: how they are written and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

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
    "miou_rare": Metric("mIoU of rare classes (%)", "higher"),
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


@dataclass(frozen=True)
class Metrics:
    """The known metrics, and those of which a task of one's own says which way is better (``own``)."""

    own: Mapping[str, Better] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Metric:
        """The metric of this name; one that is not known goes by its name, as the task says or undirected."""
        return KNOWN.get(name) or Metric(name, self.own.get(name))

    def __or__(self, other: Metrics) -> Metrics:
        """Both; one of which they say the opposite has no direction."""
        opposed = {name for name in self.own if other.own.get(name, self.own[name]) != self.own[name]}
        both = {**self.own, **other.own}
        return Metrics({name: better for name, better in both.items() if name not in opposed})


#: Where no task says anything of its own.
PLAIN = Metrics()


def metric(name: str) -> Metric:
    """The known metric of this name; another one goes by its name."""
    return PLAIN[name]


def in_order(names: set[str]) -> list[str]:
    """Known metrics in their fixed order, then unknown ones by name."""
    return [name for name in KNOWN if name in names] + sorted(names - KNOWN.keys())


def told_by(tasks: Any) -> Metrics:
    """What ``environment.json`` says of its tasks' own metrics; what is no direction says nothing."""
    found = PLAIN
    for about in tasks.values() if isinstance(tasks, Mapping) else ():
        better = about.get("better") if isinstance(about, Mapping) else None
        ways = better.items() if isinstance(better, Mapping) else ()
        found |= Metrics({str(name): way for name, way in ways if way in get_args(Better)})
    return found
