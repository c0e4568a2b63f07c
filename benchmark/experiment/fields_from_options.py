"""The fields of an experiment from what somebody gives: texts of a command line, or values in Python."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

from benchmark.errors import UserError

#: Fields of which one stands for an experiment; the description of a data set has none of them.
OF_AN_EXPERIMENT = frozenset({"dataset", "preset", "budgets", "strategies", "seeds"})


def as_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an experiment; what is None is not given.

    ``seeds`` may be a number of seeds or a text (``3-5``), ``strategies`` and ``budgets`` a text of names or
    counts, strategies among them the class or the function itself, ``network`` the name of one; a field of a
    part is ``recipe={"iterations": 500}`` or ``{"recipe.iterations": 500}``. Raises UserError, and
    RegistryError for a strategy that cannot be one.

    >>> as_fields({"seeds": 2, "network": "mti_net", "recipe.iterations": 500})
    {'seeds': [0, 1], 'network': {'name': 'mti_net'}, 'recipe': {'iterations': 500}}
    """
    fields: dict[str, Any] = {}
    for path, value in given.items():
        if value is not None:
            set_field(fields, path, _READERS.get(path, copy.deepcopy)(value))
    return fields


def set_field(fields: dict[str, Any], path: str, value: Any) -> None:
    """Set a field by its dotted path. Raises UserError where it is within one that has a value already."""
    *parents, last = path.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise UserError(f"{path}: {parent} has been given a value already, and has no fields.")
    fields[last] = value


def is_experiment(file: Path) -> bool:
    """Whether a YAML file is of an experiment, and not of a data set. Raises UserError if it is no YAML."""
    from benchmark.untrusted_files import read_fields

    return bool(OF_AN_EXPERIMENT & set(read_fields(file)))


def as_path(field: str, value: Any, wanted: str = "a path") -> Path:
    """A path that somebody gives. Raises UserError for what is none."""
    if not isinstance(value, str | PathLike):
        raise _wrong(field, wanted, value)
    return Path(value)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of Python or of a library such as numpy; true and false are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _seeds(value: Any) -> Any:
    from benchmark.experiment.config import parse_seeds

    if is_whole(value) or isinstance(value, str):
        return parse_seeds(str(value))
    return _listed("seeds", "a number of seeds, or a list of those that are meant", value)


def _budgets(value: Any) -> Any:
    from strategies.registry import split_names

    if isinstance(value, str):
        return split_names(value)
    return _listed("budgets", "a list of counts or shares, such as [40, '20 %']", value)


def _strategies(value: Any) -> list[str]:
    from strategies.registry import split_names
    from strategies.unregistered import name_of

    if isinstance(value, str):
        return split_names(value)
    wanted = "a list of names, or of classes and functions themselves"
    listed = [value] if callable(value) else _listed("strategies", wanted, value)
    return [one if isinstance(one, str) else name_of(one) for one in listed]


def _network(value: Any) -> Any:
    if not isinstance(value, str | Mapping):
        raise _wrong("network", "a name (mtal list networks), or its fields", value)
    return {"name": value} if isinstance(value, str) else dict(value)


def _listed(field: str, wanted: str, value: Any) -> list[Any]:
    """What can be gone through as a list; whole numbers of other libraries become Python's."""
    try:
        return [int(one) if is_whole(one) else one for one in value]
    except TypeError:
        raise _wrong(field, wanted, value) from None


def _wrong(field: str, wanted: str, value: Any) -> UserError:
    return UserError(f"{field}: must be {wanted}, not {value!r:.80}.")


#: Of other fields, what was given is copied: it stays as it is when fields of a part are set one by one.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "seeds": _seeds,
    "budgets": _budgets,
    "strategies": _strategies,
    "network": _network,
    "dataset": str,
    "data_root": partial(as_path, "data_root"),
}
