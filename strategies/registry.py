"""The strategy registry: names with parameters, and where strategies come from.

``consistency-diversity[weighting=none,measure=loss]`` is what a table row says and what the command takes.
Strategies come from decorated classes and functions: the built-in ones, entry points of the group
``mtal.strategies``, and Python files that a user names (``FILE.py:NAME``), the only user files ever executed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from strategies.interface import Kind, Strategy
from strategies.notebook_code import defined_alike, of_a_session
from strategies.parameters import Parameter, StrategyName, StrategyNames, as_text, parameters_of, split_at
from strategies.registration import (
    Coded,
    Registry,
    RegistryError,
    file_and_name,
    modules_of,
    reason,
    unknown,
)
from strategies.registration import load_file as load_plugin_file

__all__ = [
    "STRATEGIES",
    "Entry",
    "Family",
    "Named",
    "RegistryError",
    "broken_plugins",
    "check_name",
    "discover",
    "entries",
    "load_file",
    "names",
    "names_of",
    "register",
    "resolve",
    "short_names",
    "split_names",
]

Registered = TypeVar("Registered", bound=Callable[..., Any])
GROUP = "mtal.strategies"
#: Names of folders among the results.
RESERVED = ("full-data", "constant", "round-0", "noise-floor", "noise-selection")
VIEW = re.compile(r"flip|dropout-[1-9][0-9]*")
Family = Literal["random", "uncertainty", "diversity", "hybrid", "modifier", "reference", "control", "other"]


@dataclass(frozen=True)
class Entry(Coded):
    """One registered strategy."""

    name: str
    make: Callable[..., Strategy]
    parameters: Mapping[str, Parameter]
    summary: str
    source: str
    description: str
    modules: tuple[ModuleSpec, ...] = ()
    family: Family = "other"
    #: Other names of it, and the values that each of them stands for.
    short_names: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: The class or function itself.
    thing: Callable[..., Any] | None = None
    typed: Any = None


@dataclass(frozen=True)
class Named:
    """A strategy with its parameters set: ``name`` is its canonical full name."""

    name: str
    entry: Entry
    values: Mapping[str, Any]

    @property
    def full_name(self) -> str:
        """The same without a short name: ``aggregate[how=max]`` for ``maximum``."""
        defaults = {name: parameter.default for name, parameter in self.entry.parameters.items()}
        settings = defaults | {**self._stands_for, **self.values}
        said = {k: v for k, v in settings.items() if k in self._stands_for or v != defaults[k]}
        return _with_values(self.entry.name, said)

    @property
    def is_short(self) -> bool:
        """Whether its results go by a short name."""
        return self.name.partition("[")[0] != self.entry.name

    @property
    def _stands_for(self) -> Mapping[str, Any]:
        return self.entry.short_names.get(self.name.partition("[")[0], {})

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its own, and those of the strategies that its parameters name."""
        return (self.entry, *(entry for base in self._bases for entry in resolve(base).entries))

    @property
    def _bases(self) -> list[str]:
        """Names of the strategies that its parameters name."""
        given = {p: self.values.get(p.name, p.default) for p in self.entry.parameters.values()}
        single = [str(value) for p, value in given.items() if p.annotation is StrategyName]
        several = [StrategyNames(value).each for p, value in given.items() if p.annotation is StrategyNames]
        return [*single, *(name for names in several for name in names)]

    @property
    def digests(self) -> tuple[str | None, ...]:
        """Of its code and of that of the strategies that its parameters name."""
        return tuple(entry.digest for entry in self.entries)

    @property
    def code(self) -> str:
        """The name with these digests: other code under the same name is another strategy."""
        return f"{self.name}@{','.join(map(str, self.digests))}"

    def create(self) -> Strategy:
        """A fresh instance, without memory of any run. Raises RegistryError if its values are refused."""
        arguments = {self.entry.parameters[name].argument: value for name, value in self.values.items()}
        try:
            return self.entry.make(**arguments)
        except Exception as error:  # a user's constructor may fail in any way
            raise RegistryError(f"Strategy {self.name!r} cannot be made: {reason(error)}.") from error


STRATEGIES: Registry[Entry] = Registry("strategy", GROUP, "strategies.contract")


def register(
    name: str,
    *,
    source: str,
    family: Family | None = None,
    views: Sequence[str] = (),
    kinds: Sequence[Kind] = (),
    short_names: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Callable[[Registered], Registered]:
    """Register a ``Strategy`` class, or a function that maps Outputs to ``{task: scores of B images}``.

    A function may also return one tensor: a score of each image that is the same for every task.

    ``source`` is the paper (authors, year). Parameters with defaults become parameters of the name. A
    function's scores are ranked per task, averaged over tasks, and the highest chosen; ties are random.
    ``views`` is what a function reads of ``outputs.views``; ``kinds`` the kinds of task that it has a score
    for, if not for all. Every strategy of scores has the parameter ``task``: the one task that decides; but
    not a class with a ``select`` of its own, of which nobody knows what it chooses by. ``short_names`` maps
    other names to the values that they stand for: ``{"maximum": {"how": "max"}}``. Results go by the short
    name wherever there is one for their values, however the strategy was asked for.

    Raises RegistryError when the name is taken or is not one word of letters, digits and hyphens, and when a
    parameter lacks a default or is of another type than bool, int, float, str, Literal, StrategyName or
    StrategyNames. A cell of a notebook may be run again: its definitions take the place of those of before.
    """

    caller = sys._getframe(1).f_globals

    def decorate(thing: Registered) -> Registered:
        before = STRATEGIES.entries.get(name)
        again = before is not None and of_a_session(thing) and defined_alike(thing, before.thing)
        return add(name, thing, source, family, views, kinds, short_names, caller, again)

    return decorate


def add(
    name: str,
    thing: Registered,
    source: str,
    family: Family | None = None,
    views: Sequence[str] = (),
    kinds: Sequence[Kind] = (),
    short_names: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    caller: Mapping[str, Any] = MappingProxyType({}),
    again: bool = False,
) -> Registered:
    """Register as ``register`` does, for the module ``caller``; ``again`` in place of what has the name."""
    for each in () if again else (name, *short_names):
        check_name(each)
    _check_thing(name, thing, views, kinds, family)
    # A function's choice is made there.
    modules = modules_of(thing, caller, () if inspect.isclass(thing) else ("strategies.scoring",))
    entry = _entry(name, thing, source, family, tuple(views), tuple(kinds), modules)
    STRATEGIES.entries[name] = _with_short_names(entry, short_names)
    return thing


def entries() -> Mapping[str, Entry]:
    """All registered strategies by name, sorted."""
    return MappingProxyType(dict(sorted(STRATEGIES.entries.items())))


def short_names() -> Mapping[str, Entry]:
    """The strategy that each short name stands for."""
    return {short: entry for entry in entries().values() for short in entry.short_names}


def names_of(entry: Entry) -> list[str]:
    """The names that a strategy's results have without other values: its own, or its short ones."""
    return sorted({resolve(entry.name).name, *entry.short_names})


def names() -> list[str]:
    """Those of all strategies, sorted."""
    return sorted(name for entry in entries().values() for name in names_of(entry))


def broken_plugins() -> Mapping[str, str]:
    """Entry points that failed to import, and why."""
    return MappingProxyType(STRATEGIES.broken)


def discover() -> None:
    """Import every strategy that installed packages offer; one that fails is kept aside by name."""
    STRATEGIES.discover()


def load_file(path: Path) -> None:
    """Execute a strategy file once. Raises RegistryError (see ``strategies.registration.load_file``)."""
    load_plugin_file(path, STRATEGIES.what)


def resolve(text: str) -> Named:
    """The strategy that a name such as ``entropy``, ``a[b=1]`` or ``FILE.py:NAME`` stands for.

    Raises RegistryError for an unknown name, parameter or value.
    """
    file, text = file_and_name(text)
    if file is not None:
        load_file(file)
    name, arguments = _split(text)
    entry = STRATEGIES.entries.get(name) or short_names().get(name)
    if entry is None:
        raise RegistryError(unknown("strategy", name, sorted({*entries(), *short_names()})))
    stands_for = entry.short_names.get(name, {})
    if twice := sorted(stands_for.keys() & arguments.keys()):
        whole = _with_values(entry.name, stands_for)
        raise RegistryError(f"{name} stands for {whole}: for another {twice[0]}, name {entry.name} itself.")
    values = {**stands_for, **{key: _value(entry, key, value) for key, value in arguments.items()}}
    return Named(_canonical(entry, values), entry, values)


def split_names(text: str) -> list[str]:
    """Split a comma-separated list of names; commas inside brackets belong to the name.

    >>> split_names("random, power[base=entropy,power=2]")
    ['random', 'power[base=entropy,power=2]']
    """
    return split_at(text, ",")


def check_name(name: str) -> None:
    """Raise RegistryError unless a new strategy may have this name."""
    words = name.replace("-", " ").split()
    if not words or name != "-".join(words) or not all(w.isascii() and w.isalnum() for w in words):
        raise RegistryError(f"Strategy name {name!r} must be words of letters and digits joined by hyphens.")
    used = {*STRATEGIES.entries, *short_names(), *RESERVED}
    if name in used:
        taken = ", ".join(sorted(used))
        raise RegistryError(f"Strategy name {name!r} is taken; names in use: {taken}.")


def _entry(
    name: str,
    thing: Callable[..., Any],
    source: str,
    family: Family | None,
    views: tuple[str, ...],
    kinds: tuple[Kind, ...],
    modules: tuple[ModuleSpec, ...] = (),
) -> Entry:
    from strategies.scoring import ScoreStrategy, about_one_task

    description = inspect.cleandoc(thing.__doc__ or "")  # getdoc would take the base class's
    make: Callable[..., Any] = thing if inspect.isclass(thing) else partial(_made, thing, views, kinds)
    parameters = _parameters(name, thing)
    scores = not inspect.isclass(thing) or issubclass(thing, ScoreStrategy)
    own_choice = getattr(thing, "select", ScoreStrategy.select) is not ScoreStrategy.select
    if scores and not own_choice and "task" not in parameters:
        parameters["task"] = Parameter("task", "all", str)
        make = partial(about_one_task, make)
    return Entry(
        name=name,
        make=make,
        parameters=parameters,
        summary=description.partition("\n")[0],
        source=source,
        description=description,
        modules=modules,
        family=family or ("uncertainty" if scores else "other"),
        thing=thing,
        typed=thing if of_a_session(thing) else None,
    )


def _check_thing(
    name: str, thing: Any, views: Sequence[str], kinds: Sequence[str], family: str | None
) -> None:
    if not callable(thing) or (inspect.isclass(thing) and not issubclass(thing, Strategy)):
        raise RegistryError(f"Strategy {name!r} must be a function or a class derived from Strategy.")
    if inspect.isclass(thing) and (views or kinds):
        raise RegistryError(f"Strategy {name!r} is a class: its views and kinds are class attributes.")
    for view in getattr(thing, "views", views):
        if not VIEW.fullmatch(view):
            known = ["flip", "dropout-1", "dropout-2", "and so on"]
            raise RegistryError(unknown(f"view (of strategy {name!r})", view, known))
    for kind in getattr(thing, "kinds", kinds):
        if kind not in get_args(Kind):
            raise RegistryError(unknown(f"kind of task (of strategy {name!r})", kind, list(get_args(Kind))))
    if family is not None and family not in get_args(Family):
        raise RegistryError(unknown(f"family (of strategy {name!r})", family, list(get_args(Family))))


def _parameters(name: str, thing: Callable[..., Any]) -> dict[str, Parameter]:
    try:
        return parameters_of(thing)
    except ValueError as error:
        raise RegistryError(f"Strategy {name!r}: {error}.") from error


def _made(
    function: Callable[..., Any], views: tuple[str, ...], kinds: tuple[Kind, ...], /, **values: Any
) -> Strategy:
    from strategies.scoring import FunctionStrategy

    return FunctionStrategy(function, views, values, kinds)


def _split(text: str) -> tuple[str, dict[str, str]]:
    name, bracket, rest = text.partition("[")
    if not bracket:
        return name, {}
    if not rest.endswith("]"):
        raise RegistryError(f"Strategy {text!r} must end with ']' after its parameters: NAME[key=value,...].")
    pairs = [part.partition("=") for part in split_names(rest[:-1])]
    if not all(key and equals and value for key, equals, value in pairs):
        raise RegistryError(f"Strategy {text!r} must give parameters as key=value: NAME[key=value,...].")
    keys = [key.strip() for key, _, _ in pairs]
    if len(set(keys)) < len(keys):
        raise RegistryError(f"Strategy {text!r} sets a parameter twice.")
    return name, {key: value.strip() for key, (_, _, value) in zip(keys, pairs, strict=True)}


def _value(entry: Entry, key: str, text: str) -> Any:
    if key not in entry.parameters:
        raise RegistryError(unknown(f"parameter of {entry.name}", key, list(entry.parameters)))
    parameter = entry.parameters[key]
    if parameter.annotation is StrategyName:
        return resolve(text).name
    if parameter.annotation is StrategyNames:
        return StrategyNames("+".join(resolve(name).name for name in StrategyNames(text).each))
    try:
        return parameter.parse(text)
    except (KeyError, ValueError):
        message = f"{entry.name}[{key}={text}]: {key} must be {parameter.wanted}."
        raise RegistryError(message) from None


def _with_short_names(entry: Entry, short: Mapping[str, Mapping[str, Any]]) -> Entry:
    """Raises RegistryError where one stands for a parameter or a value that there is not."""
    for values in short.values():
        for key, value in values.items():
            _value(entry, key, as_text(value))
    return replace(entry, short_names=MappingProxyType(dict(short)))


def _canonical(entry: Entry, values: Mapping[str, Any]) -> str:
    name, stands_for = _shortest(entry, values)
    changed = {
        key: values[key]
        for key, parameter in entry.parameters.items()
        if key in values and key not in stands_for and values[key] != parameter.default
    }
    return _with_values(name, changed)


def _shortest(entry: Entry, values: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The short name for these values and what it says of them; the own name where there is none."""
    settings = {key: parameter.default for key, parameter in entry.parameters.items()} | dict(values)
    for name, stands_for in entry.short_names.items():
        if all(settings[key] == value for key, value in stands_for.items()):
            return name, stands_for
    return entry.name, {}


def _with_values(name: str, values: Mapping[str, Any]) -> str:
    inside = ",".join(f"{key}={as_text(value)}" for key, value in values.items())
    return f"{name}[{inside}]" if inside else name
