"""The tasks, by name and by kind."""

from __future__ import annotations

from typing import Any

from benchmark.errors import UserError
from benchmark.tasks.depth import Depth, Scalar
from benchmark.tasks.edge import Edge
from benchmark.tasks.human_parts import HumanParts
from benchmark.tasks.normals import Normals
from benchmark.tasks.saliency import Saliency
from benchmark.tasks.semseg import Semseg
from benchmark.tasks.task import IGNORE, Meter, Task

__all__ = ["IGNORE", "KINDS", "TASKS", "Meter", "Task", "make_task"]

TASKS: dict[str, type[Task]] = {
    "semseg": Semseg,
    "human_parts": HumanParts,
    "depth": Depth,
    "normals": Normals,
    "edge": Edge,
    "saliency": Saliency,
}
#: What a task of another name is by its kind alone.
KINDS: dict[str, type[Task]] = {
    "categorical": Semseg,
    "binary": Saliency,
    "scalar": Scalar,
    "direction": Normals,
}


def make_task(
    name: str,
    kind: str | None = None,
    *,
    classes: tuple[str, ...] = (),
    weight: float | None = None,
    **options: Any,
) -> Task:
    """The task of this name, or a task of this kind under a new name.

    Raises UserError for an unknown name without a kind, and for a kind that contradicts the name.
    """
    if name not in TASKS and kind not in KINDS:
        raise UserError(
            f"Task {name!r} needs a kind: one of {', '.join(KINDS)} (known tasks: {', '.join(TASKS)})."
        )
    task = TASKS.get(name) or KINDS[str(kind)]
    if kind is not None and task.kind != kind:
        raise UserError(
            f"Task {name!r} is of kind {task.kind}, not {kind!r}: leave the kind out or rename it."
        )
    return task(name, classes, weight, **options)
