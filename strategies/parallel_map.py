"""A map over work items that runs where the run does: on the nodes of Ray, or one by one in this process."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The function's results in the order of the items, which are made as they are needed.

    A job that Ray runs hands each item to a core of its cluster, and no more at once than there are cores;
    elsewhere it is the built-in map. Function and items can be pickled. Results are the same.
    """
    # Never imported here: what did not begin under Ray has no nodes to ask.
    ray: Any = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return map(function, items)
    return _on_ray(ray, function, items)


def _on_ray(ray: Any, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    # A job that waits lends its cores, so that even a machine with no other core does the work.
    task = ray.remote(lambda item: function(item)).options(num_cpus=1, scheduling_strategy="SPREAD")
    at_once = max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(task.remote(item))
        if len(waiting) >= at_once:
            yield ray.get(waiting.popleft())
    while waiting:
        yield ray.get(waiting.popleft())
