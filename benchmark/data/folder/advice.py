"""What files of a task should hold as they are described: the rest of a sentence for those that cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # which reads this module
    from benchmark.data.folder.config import TaskFolder


def advice_on(task: TaskFolder) -> str:
    """How its values are read, with the fields that say otherwise."""
    ignored = f", and {', '.join(map(str, task.ignored))} is ignored" if task.ignored else ""
    if task.kind == "categorical":
        last = task.first_class + len(task.classes) - 1
        return f"its files should hold {task.first_class}..{last}{ignored} (classes, first_class, ignore)"
    if task.kind == "binary" and task.threshold is not None:
        return f"a value over {task.threshold:g} means yes{ignored} (threshold, ignore)"
    if task.kind == "binary":
        positive = " or ".join(map(str, task.positive))
        return f"0 means no, {positive} means yes{ignored} (positive, ignore)"
    if task.kind == "scalar":
        marks = " or ".join(f"{mark:g}" for mark in task.unmeasured) or "nothing but NaN"
        return f"{marks} in its files means that nothing was measured (invalid)"
    return "black, white and middle grey, and vectors of length 0, mean that nothing is known"
