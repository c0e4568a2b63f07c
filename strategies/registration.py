"""What all registries have in common: entries by name, files executed once, and entry points.

A file may register things of several kinds, so it is executed once for all registries, and what it registered
is taken back from all of them when it fails.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from strategies.notebook_code import session_digest
from strategies.source import source_digest, spec_of
from strategies.strategy_file import HiddenError, execute


class RegistryError(ValueError):
    """An unknown name or parameter, a name taken twice: one sentence that lists what there is."""


class Coded:
    """Something that code of one's own defines."""

    #: The modules that define and register it: where its code begins.
    modules: tuple[ModuleSpec, ...]
    #: The class or function itself where it was typed into a notebook or a prompt, and has no file.
    typed: Any = None

    @property
    def digest(self) -> str | None:
        """Of its code (see ``strategies.source``), as it was when first asked for.

        A notebook's is read each time, since cells are run again (see ``strategies.notebook_code``). None
        where there is neither a file nor a text to read.
        """
        return self._of_files if self.typed is None else session_digest(self.typed, self.modules)

    @cached_property
    def _of_files(self) -> str | None:
        return source_digest(self.modules)

    @property
    def files(self) -> frozenset[Path]:
        """Where its code begins."""
        return frozenset(Path(spec.origin).resolve() for spec in self.modules if spec.origin)


E = TypeVar("E", bound=Coded)


class Registry(Generic[E]):
    """Entries of one kind by name, and the entry points that bring more."""

    def __init__(self, what: str, group: str, contract: str) -> None:
        #: What an entry is called, such as ``strategy``, and the group of its entry points.
        self.what, self.group = what, group
        #: The module with the contract: ``CLAUSES``, and ``Probe(entry)`` that each of them takes.
        self.contract = contract
        self.entries: dict[str, E] = {}
        #: Entry points that failed to import, and why.
        self.broken: dict[str, str] = {}
        _REGISTRIES.append(self)

    def discover(self) -> None:
        """Import every module that installed packages offer; one that fails is kept aside by name."""
        for point in entry_points(group=self.group):
            try:
                point.load()
            except (Exception, SystemExit) as error:  # it may fail in any way and must not stop the others
                self.broken[point.name] = f"{type(error).__name__}: {error}"

    def of_file(self, file: Path) -> dict[str, E]:
        """What a file that was loaded registers, by name."""
        here = file.expanduser().resolve()
        return {name: entry for name, entry in self.entries.items() if here in entry.files}


_REGISTRIES: list[Registry[Any]] = []
_LOADED: set[Path] = set()


def registries() -> tuple[Registry[Any], ...]:
    """All that there are so far, in the order in which they were made."""
    return tuple(_REGISTRIES)


def loaded_files(*among: Registry[Any]) -> list[Path]:
    """The files given by path that have registered something with one of these."""
    return sorted(file for file in _LOADED if any(registry.of_file(file) for registry in among))


def load_file(path: Path, what: str) -> None:
    """Execute a file of a user once; it may import those beside it (see ``strategies.strategy_file``).

    ``what`` is what it is asked for, such as ``strategy``. Raises RegistryError when it is missing or fails,
    or imports another file than the one beside it.
    """
    resolved = path.expanduser().resolve()
    if resolved in _LOADED or any(registry.of_file(resolved) for registry in _REGISTRIES):
        return
    if not resolved.is_file() or resolved.suffix != ".py":
        raise RegistryError(f"There is no {what} file {path}; give the path of a Python file (.py).")
    with _taken_back(path, what):
        execute(resolved)
        for entry in [entry for each in _REGISTRIES for entry in each.of_file(resolved).values()]:
            entry.digest  # noqa: B018 - of the code that was executed, whatever becomes of its file
    _LOADED.add(resolved)


@contextmanager
def _taken_back(path: Path, what: str) -> Iterator[None]:
    """Take back what a file registered before it failed, and say that it did."""
    before = [(registry, dict(registry.entries)) for registry in _REGISTRIES]
    named = f"{what.capitalize()} file {path}"
    try:
        yield
    except BaseException as error:
        for registry, entries in before:
            registry.entries.clear()
            registry.entries.update(entries)
        if isinstance(error, RegistryError | HiddenError):
            raise RegistryError(f"{named}: {error}") from error
        if isinstance(error, Exception | SystemExit):  # a user's file may fail in any way
            raise RegistryError(f"{named} failed: {type(error).__name__}: {error}.") from error
        raise


def file_and_name(text: str) -> tuple[Path | None, str]:
    """The file, if there is one, and the name of ``FILE.py:NAME``; brackets belong to the name."""
    text = text.strip()
    if ".py:" not in text.partition("[")[0]:
        return None, text
    file, _, name = text.partition(".py:")
    return Path(f"{file}.py"), name


def modules_of(thing: Any, caller: Mapping[str, Any], more: Iterable[str] = ()) -> tuple[ModuleSpec, ...]:
    """Where the code of a class or function begins: where it is registered and defined, and in ``more``."""
    defined = getattr(inspect.unwrap(thing), "__module__", None)
    names = {str(caller.get("__name__")): caller.get("__file__"), str(defined): None}
    found = [spec_of(name, file) for name, file in (names | dict.fromkeys(more)).items()]
    return tuple(spec for spec in found if spec is not None)


def reason(error: Exception) -> str:
    """What to say of an error of a user's code: its words alone where they are meant for the user."""
    plain = isinstance(error, ValueError) and str(error)
    return str(error).rstrip(".") if plain else f"{type(error).__name__}: {error}"


def unknown(what: str, name: str, known: list[str]) -> str:
    """A sentence on a name that there is not: the nearest that there is, and all others."""
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {what} {name!r}.{hint} There is: {', '.join(known) or 'none'}."
