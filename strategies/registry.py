"""The strategy registry: names with parameters, and where strategies come from.

``consistency-diversity[weighting=none,measure=loss]`` is what a table row says and what the command takes.
Strategies come from decorated classes and functions: the built-in ones, entry points of the group
``mtal.strategies``, and Python files that a user names (``FILE.py:NAME``), the only user files ever executed.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from strategies.interface import Kind, Strategy
from strategies.parameters import Parameter, StrategyName, as_text, parameters_of
from strategies.source import source_digest, spec_of
from strategies.strategy_file import HiddenError, execute

Registered = TypeVar("Registered", bound=Callable[..., Any])
GROUP = "mtal.strategies"
#: Names of folders among the results.
RESERVED = ("full-data", "constant", "round-0", "noise-floor", "noise-selection")
VIEW = re.compile(r"flip|dropout-[1-9][0-9]*")
Family = Literal["random", "uncertainty", "diversity", "hybrid", "modifier", "reference", "other"]


class RegistryError(ValueError):
    """An unknown name or parameter, a name taken twice: one sentence that lists what there is."""


@dataclass(frozen=True)
class Entry:
    """One registered strategy."""

    name: str
    make: Callable[..., Strategy]
    parameters: Mapping[str, Parameter]
    summary: str
    source: str
    description: str
    #: The modules that define and register it: where its code begins.
    modules: tuple[ModuleSpec, ...] = ()
    family: Family = "other"

    @cached_property
    def digest(self) -> str | None:
        """Of its code (see ``strategies.source``), as it was when first asked for; None without a file."""
        return source_digest(self.modules)

    @property
    def files(self) -> frozenset[Path]:
        """Where its code begins."""
        return frozenset(Path(spec.origin).resolve() for spec in self.modules if spec.origin)


@dataclass(frozen=True)
class Named:
    """A strategy with its parameters set: ``name`` is its canonical full name."""

    name: str
    entry: Entry
    values: Mapping[str, Any]

    @property
    def digests(self) -> tuple[str | None, ...]:
        """Of its code and of that of the strategies that its parameters name."""
        parameters = self.entry.parameters.values()
        bases = [self.values.get(p.name, p.default) for p in parameters if p.annotation is StrategyName]
        return (self.entry.digest, *(digest for base in bases for digest in resolve(base).digests))

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
            raise RegistryError(f"Strategy {self.name!r} cannot be made: {_reason(error)}.") from error


_ENTRIES: dict[str, Entry] = {}
_LOADED: set[Path] = set()
_BROKEN: dict[str, str] = {}


def register(
    name: str,
    *,
    source: str,
    family: Family | None = None,
    views: Sequence[str] = (),
    kinds: Sequence[Kind] = (),
) -> Callable[[Registered], Registered]:
    """Register a ``Strategy`` class, or a function that maps Outputs to ``{task: scores of B images}``.

    A function may also return one tensor: a score of each image that is the same for every task.

    ``source`` is the paper (authors, year). Parameters with defaults become parameters of the name. A
    function's scores are ranked per task, averaged over tasks, and the highest chosen; ties are random.
    ``views`` is what a function reads of ``outputs.views``; ``kinds`` the kinds of task that it has a score
    for, if not for all. Every strategy of scores has the parameter ``task``: the one task that decides; but
    not a class with a ``select`` of its own, of which nobody knows what it chooses by.

    Raises RegistryError when the name is taken or is not one word of letters, digits and hyphens, and when a
    parameter lacks a default or is of another type than bool, int, float, str, Literal or StrategyName.
    """

    caller = sys._getframe(1).f_globals

    def decorate(thing: Registered) -> Registered:
        check_name(name)
        _check_thing(name, thing, views, kinds, family)
        modules = _modules(thing, caller)
        _ENTRIES[name] = _entry(name, thing, source, family, tuple(views), tuple(kinds), modules)
        return thing

    return decorate


def entries() -> Mapping[str, Entry]:
    """All registered strategies by name, sorted."""
    return MappingProxyType(dict(sorted(_ENTRIES.items())))


def broken_plugins() -> Mapping[str, str]:
    """Entry points that failed to import, and why."""
    return MappingProxyType(_BROKEN)


def discover() -> None:
    """Import every strategy that installed packages offer; one that fails is kept aside by name."""
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except (Exception, SystemExit) as error:  # it may fail in any way and must not stop the others
            _BROKEN[point.name] = f"{type(error).__name__}: {error}"


def load_file(path: Path) -> None:
    """Execute a strategy file once; it may import files beside it (see ``strategies.strategy_file``).

    Raises RegistryError when it is missing or fails, or imports another file than the one beside it.
    """
    resolved = path.expanduser().resolve()
    if resolved in _LOADED or any(resolved in entry.files for entry in _ENTRIES.values()):
        return
    if not resolved.is_file() or resolved.suffix != ".py":
        raise RegistryError(f"There is no strategy file {path}; give the path of a Python file (.py).")
    with _taken_back(path):
        execute(resolved)
        for entry in _ENTRIES.values():
            if resolved in entry.files:
                entry.digest  # noqa: B018 - of the code that was executed, whatever becomes of its file
    _LOADED.add(resolved)


@contextmanager
def _taken_back(path: Path) -> Iterator[None]:
    """Take back what a file registered before it failed, and say that it did."""
    before = dict(_ENTRIES)
    try:
        yield
    except BaseException as error:
        _ENTRIES.clear()
        _ENTRIES.update(before)
        if isinstance(error, RegistryError | HiddenError):
            raise RegistryError(f"Strategy file {path}: {error}") from error
        if isinstance(error, Exception | SystemExit):  # a user's file may fail in any way
            raise RegistryError(f"Strategy file {path} failed: {type(error).__name__}: {error}.") from error
        raise


def resolve(text: str) -> Named:
    """The strategy that a name such as ``entropy``, ``a[b=1]`` or ``FILE.py:NAME`` stands for.

    Raises RegistryError for an unknown name, parameter or value.
    """
    text = text.strip()
    if ".py:" in text.partition("[")[0]:
        file, _, text = text.partition(".py:")
        load_file(Path(file + ".py"))
    name, arguments = _split(text)
    if name not in _ENTRIES:
        raise RegistryError(_unknown("strategy", name, list(entries())))
    entry = _ENTRIES[name]
    values = {key: _value(entry, key, value) for key, value in arguments.items()}
    return Named(_canonical(entry, values), entry, values)


def split_names(text: str) -> list[str]:
    """Split a comma-separated list of names; commas inside brackets belong to the name."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def check_name(name: str) -> None:
    """Raise RegistryError unless a new strategy may have this name."""
    words = name.replace("-", " ").split()
    if not words or name != "-".join(words) or not all(w.isascii() and w.isalnum() for w in words):
        raise RegistryError(f"Strategy name {name!r} must be words of letters and digits joined by hyphens.")
    if name in RESERVED or name in _ENTRIES:
        taken = ", ".join(sorted({*_ENTRIES, *RESERVED}))
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
    )


def _modules(thing: Any, caller: Mapping[str, Any]) -> tuple[ModuleSpec, ...]:
    """Where the code of a strategy begins; a function's choice is made by ``strategies.scoring``."""
    defined = getattr(inspect.unwrap(thing), "__module__", None)
    names = {str(caller.get("__name__")): caller.get("__file__"), str(defined): None}
    if not inspect.isclass(thing):
        names["strategies.scoring"] = None
    found = [spec_of(name, file) for name, file in names.items()]
    return tuple(spec for spec in found if spec is not None)


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
            raise RegistryError(_unknown(f"view (of strategy {name!r})", view, known))
    for kind in getattr(thing, "kinds", kinds):
        if kind not in get_args(Kind):
            raise RegistryError(_unknown(f"kind of task (of strategy {name!r})", kind, list(get_args(Kind))))
    if family is not None and family not in get_args(Family):
        raise RegistryError(_unknown(f"family (of strategy {name!r})", family, list(get_args(Family))))


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
        raise RegistryError(_unknown(f"parameter of {entry.name}", key, list(entry.parameters)))
    parameter = entry.parameters[key]
    if parameter.annotation is StrategyName:
        return resolve(text).name
    try:
        return parameter.parse(text)
    except (KeyError, ValueError):
        message = f"{entry.name}[{key}={text}]: {key} must be {parameter.wanted}."
        raise RegistryError(message) from None


def _canonical(entry: Entry, values: Mapping[str, Any]) -> str:
    changed = {
        k: values[k] for k in entry.parameters if k in values and values[k] != entry.parameters[k].default
    }
    inside = ",".join(f"{key}={as_text(value)}" for key, value in changed.items())
    return f"{entry.name}[{inside}]" if inside else entry.name


def _reason(error: Exception) -> str:
    plain = isinstance(error, ValueError) and str(error)
    return str(error).rstrip(".") if plain else f"{type(error).__name__}: {error}"


def _unknown(what: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {what} {name!r}.{hint} There is: {', '.join(known) or 'none'}."
