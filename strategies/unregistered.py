"""Strategies that are given themselves, as a class or a function, where others are given by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

from strategies.notebook_code import defined_alike
from strategies.registry import GROUP, Entry, RegistryError, add, entries, resolve
from strategies.source import BUILT_IN
from strategies.strategy_file import PREFIX

#: The source of what is registered here.
GIVEN = "given in Python"


def name_of(thing: Callable[..., Any]) -> str:
    """The name of a ``Strategy`` class or a function of scores, registered under its own if it is not yet.

    ``least_sure`` and ``LeastSure`` become ``least-sure``. What is defined again, as in a cell that is run
    again or a module that is loaded again, takes the place of what was. Raises RegistryError as ``register``
    does, for what has no name, and for code that cannot be read.
    """
    name = next((entry.name for entry in entries().values() if entry.thing is thing), None)
    if name is None:
        name = _words(thing)
        before = entries().get(name)
        again = before is not None and before.source == GIVEN and defined_alike(thing, before.thing)
        add(name, thing, GIVEN, again=again)
    if entries()[name].digest is None:
        raise RegistryError(f"Strategy {name!r}: its code cannot be read here; put it in a file (.py).")
    return name


def known_here_alone(names: Sequence[str]) -> list[str]:
    """Those of these names that a new process would not know: they are of this session, or of modules that it
    imported.

    A new process knows what is built in, what installed packages offer, and ``FILE.py:NAME``.
    """
    tops = {*BUILT_IN, *(point.module.partition(".")[0] for point in entry_points(group=GROUP))}

    def is_known(entry: Entry) -> bool:
        home = str(getattr(inspect.unwrap(entry.thing), "__module__", "")) if entry.thing else ""
        return home.partition(".")[0] in tops or home.startswith(PREFIX)

    plain = [name for name in names if ".py:" not in name.partition("[")[0]]
    return [name for name in plain if not all(map(is_known, resolve(name).entries))]


def _words(thing: Any) -> str:
    name = str(getattr(thing, "__name__", ""))
    if not name.isidentifier():
        raise RegistryError(
            f"{thing!r:.80} has no name to go by: give a function made by def, a class derived from "
            "Strategy, or a name (mtal list)."
        )
    return "-".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("_", " ").split())
