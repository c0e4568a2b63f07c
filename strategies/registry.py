"""The strategy registry: names with parameters, and where strategies come from.

``consistency-diversity[weighting=none,measure=loss]`` is what a table row says and what the command takes.
Strategies come from decorated classes and functions: the built-in ones, entry points of the group
``mtal.strategies``, and Python files that a user names (``FILE.py:NAME``), the only user files ever executed.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

from strategies.interface import Strategy

Registered = TypeVar("Registered", bound=Callable[..., Any])
GROUP = "mtal.strategies"
RESERVED = ("full-data", "round-0")  # names of folders among the results
VIEWS = ("flip",)
TYPES: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
}


class RegistryError(ValueError):
    """An unknown name or parameter, a name taken twice: one sentence that lists what there is."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a strategy, taken from its signature."""

    name: str
    default: Any
    annotation: Any

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values it can take, if they are listed."""
        return get_args(self.annotation) if get_origin(self.annotation) is Literal else ()

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        return " or ".join(map(str, self.choices)) or TYPES[self.annotation]

    def parse(self, text: str) -> Any:
        """The value that the text stands for. Raises ValueError."""
        if self.choices:
            return {str(choice): choice for choice in self.choices}[text]
        if self.annotation is bool:
            return {"true": True, "false": False}[text.lower()]
        value = self.annotation(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class Entry:
    """One registered strategy."""

    name: str
    make: Callable[..., Strategy]
    parameters: Mapping[str, Parameter]
    summary: str
    source: str
    description: str
    #: sha256 of the file it was loaded from by path; None for installed code, which has a version.
    file_digest: str | None


@dataclass(frozen=True)
class Named:
    """A strategy with its parameters set: ``name`` is its canonical full name."""

    name: str
    entry: Entry
    values: Mapping[str, Any]

    def create(self) -> Strategy:
        """A fresh instance, without memory of any run. Raises RegistryError if its values are refused."""
        try:
            return self.entry.make(**self.values)
        except Exception as error:  # a user's constructor may fail in any way
            raise RegistryError(f"Strategy {self.name!r} cannot be made: {_reason(error)}.") from error


_ENTRIES: dict[str, Entry] = {}
_LOADED: set[Path] = set()
_BROKEN: dict[str, str] = {}
_loading: list[str] = []


def register(
    name: str, *, source: str, views: Sequence[Literal["flip"]] = ()
) -> Callable[[Registered], Registered]:
    """Register a ``Strategy`` class, or a function that maps Outputs to ``{task: scores of B images}``.

    ``source`` is the paper (authors, year). Parameters with defaults become parameters of the name. A
    function's scores are ranked per task, averaged over tasks, and the highest chosen; ties are random.

    Raises RegistryError when the name is taken or is not one word of letters, digits and hyphens, and when a
    parameter lacks a default or is of another type than bool, int, float, str or Literal.
    """

    def decorate(thing: Registered) -> Registered:
        check_name(name)
        _ENTRIES[name] = _entry(name, thing, source, tuple(views))
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
    """Execute a strategy file once. Raises RegistryError when it is missing or fails."""
    resolved = path.expanduser().resolve()
    if resolved in _LOADED:
        return
    if not resolved.is_file() or resolved.suffix != ".py":
        raise RegistryError(f"There is no strategy file {path}; give the path of a Python file (.py).")
    try:
        _execute(resolved)
    except RegistryError as error:
        raise RegistryError(f"Strategy file {path}: {error}") from error
    except (Exception, SystemExit) as error:  # a user's file may fail in any way
        raise RegistryError(f"Strategy file {path} failed: {type(error).__name__}: {error}.") from error
    _LOADED.add(resolved)


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


def _entry(name: str, thing: Callable[..., Any], source: str, views: tuple[Literal["flip"], ...]) -> Entry:
    _check_thing(name, thing, views)
    description = inspect.cleandoc(thing.__doc__ or "")  # getdoc would take the base class's
    summary = description.partition("\n")[0]
    parameters = {p.name: _parameter(name, p, thing) for p in _signature(thing)}
    digest = _loading[-1] if _loading else None
    make = cast("Callable[..., Strategy]", thing) if inspect.isclass(thing) else _from_scores(thing, views)
    return Entry(name, make, parameters, summary, source, description, digest)


def _check_thing(name: str, thing: Any, views: Sequence[str]) -> None:
    if inspect.isclass(thing) and not issubclass(thing, Strategy):
        raise RegistryError(f"Strategy {name!r} must be a function or a class derived from Strategy.")
    if inspect.isclass(thing) and views:
        raise RegistryError(f"Strategy {name!r} is a class: its views are the class attribute `views`.")
    unknown = [view for view in getattr(thing, "views", views) if view not in VIEWS]
    if unknown:
        raise RegistryError(_unknown(f"view (of strategy {name!r})", unknown[0], list(VIEWS)))


def _from_scores(function: Callable[..., Any], views: tuple[Literal["flip"], ...]) -> Callable[..., Strategy]:
    from strategies.scoring import FunctionStrategy

    return lambda **values: FunctionStrategy(function, views, values)


def _signature(thing: Callable[..., Any]) -> list[inspect.Parameter]:
    """What a name can set: all that a class takes, all but the first (Outputs) that a function takes."""
    taken = list(inspect.signature(thing).parameters.values())[0 if inspect.isclass(thing) else 1 :]
    return [p for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _parameter(strategy: str, parameter: inspect.Parameter, thing: Callable[..., Any]) -> Parameter:
    annotation = _annotation(parameter, thing)
    nameable = annotation in TYPES or get_origin(annotation) is Literal
    if parameter.default is inspect.Parameter.empty or not nameable:
        raise RegistryError(
            f"Parameter {parameter.name!r} of strategy {strategy!r} must have a default, and be a bool, int, "
            "float, str or Literal: it is set by name."
        )
    return Parameter(parameter.name, parameter.default, annotation)


def _annotation(parameter: inspect.Parameter, thing: Callable[..., Any]) -> Any:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return type(parameter.default)
    if not isinstance(annotation, str):
        return annotation
    code = inspect.unwrap(thing.__init__ if inspect.isclass(thing) else thing)
    return eval(annotation, code.__globals__)  # noqa: S307 - the annotation of code already imported


def _execute(path: Path) -> None:
    module_name = f"mtal_strategy_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = dict(_ENTRIES)
    _loading.append(hashlib.sha256(path.read_bytes()).hexdigest())
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        _ENTRIES.clear()
        _ENTRIES.update(before)
        raise
    finally:
        _loading.pop()


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
    try:
        return parameter.parse(text)
    except (KeyError, ValueError):
        message = f"{entry.name}[{key}={text}]: {key} must be {parameter.wanted}."
        raise RegistryError(message) from None


def _canonical(entry: Entry, values: Mapping[str, Any]) -> str:
    changed = {
        k: values[k] for k in entry.parameters if k in values and values[k] != entry.parameters[k].default
    }
    inside = ",".join(f"{key}={_text(value)}" for key, value in changed.items())
    return f"{entry.name}[{inside}]" if inside else entry.name


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _reason(error: Exception) -> str:
    plain = isinstance(error, ValueError) and str(error)
    return str(error).rstrip(".") if plain else f"{type(error).__name__}: {error}"


def _unknown(what: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {what} {name!r}.{hint} There is: {', '.join(known) or 'none'}."
