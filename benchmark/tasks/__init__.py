"""The tasks, by name and by kind."""

from __future__ import annotations

from typing import Any, cast

from benchmark.errors import UserError
from benchmark.plugins import TASKS
from benchmark.tasks.depth import Scalar
from benchmark.tasks.normals import Normals
from benchmark.tasks.saliency import Saliency
from benchmark.tasks.semseg import Semseg
from benchmark.tasks.task import IGNORE, Meter, Task

__all__ = ["BUILT_IN", "IGNORE", "KINDS", "Meter", "Task", "is_by_name", "make_task"]

#: The tasks that are built in, by name; ``make_task`` knows those of one's own too.
BUILT_IN: dict[str, type[Task]] = {n: entry.thing for n, entry in TASKS.entries.items() if entry.built_in}
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
    task: str | None = None,
    classes: tuple[str, ...] = (),
    weight: float | None = None,
    **options: Any,
) -> Task:
    """The registered task of this name, or a task of this kind under a new name.

    ``task`` is the registered task that it is in the place of its name: NAME or FILE.py:NAME.

    Raises UserError for an unknown name without a kind, and for a kind that contradicts the name;
    RegistryError for a ``task`` that there is not and for one of one's own that fails.
    """
    entry = TASKS.resolve(task) if task else TASKS.find(name)
    if entry is None and kind not in KINDS:
        raise UserError(
            f"Task {name!r} needs a kind: one of {', '.join(KINDS)} (known tasks: "
            f"{', '.join(TASKS.everything())})."
        )
    is_kind = KINDS[str(kind)].kind if entry is None else entry.thing.kind
    if kind is not None and is_kind != kind:
        raise UserError(
            f"Task {(task or name)!r} is of kind {is_kind}, not {kind!r}: leave the kind out or rename it."
        )
    if entry is None:
        return KINDS[str(kind)](name, classes, weight, **options)
    return cast(Task, entry.create(name, classes, weight, options=options))


def is_by_name(task: Task) -> bool:
    """Whether its own name and kind say which class it is of, as in ``make_task`` without ``task``."""
    named = TASKS.find(task.name)
    return (named.thing if named else KINDS[task.kind]) is type(task)
