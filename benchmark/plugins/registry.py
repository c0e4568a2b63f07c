"""A registry of networks, backbones, tasks or data sets: what is built in, plug-ins, and files by path."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec
from typing import Any, TypeVar

from strategies.notebook_code import of_a_session
from strategies.parameters import Parameter, parameters_of
from strategies.registration import (
    Coded,
    Registry,
    RegistryError,
    file_and_name,
    load_file,
    modules_of,
    reason,
    unknown,
)

Thing = TypeVar("Thing", bound=Callable[..., Any])
WORD = re.compile(r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Entry(Coded):
    """Something by name: a class or function that makes it, and what that takes besides what it is given."""

    what: str
    name: str
    summary: str
    source: str
    #: What is built in is named, ``module:name``, and imported when it is asked for.
    maker: Callable[..., Any] | str
    given: tuple[str, ...] = ()
    modules: tuple[ModuleSpec, ...] = ()
    #: Fields of the experiment that set what it takes, in the place of options.
    fields: tuple[str, ...] = ()
    #: Of data sets: whose presets it uses.
    family: str = ""
    typed: Any = None

    @property
    def built_in(self) -> bool:
        """Whether it is of the benchmark itself."""
        return isinstance(self.maker, str)

    @cached_property
    def thing(self) -> Any:
        """The class or function."""
        return imported(self.maker) if isinstance(self.maker, str) else self.maker

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Options of its constructor. Raises RegistryError for one that nobody could set."""
        if self.fields or self.options_model:
            return {}
        try:
            return parameters_of(self.thing, self.given)
        except ValueError as error:
            raise RegistryError(f"{self.what.capitalize()} {self.name!r}: {error}.") from error

    @property
    def options_model(self) -> Any:
        """The pydantic model of its options, where it has one in the place of parameters."""
        return getattr(self.thing, "options_model", None)

    @property
    def description(self) -> str:
        """Its docstring, or its summary where it is neither class nor function."""
        has_own = inspect.isclass(self.thing) or inspect.isfunction(self.thing)
        return inspect.cleandoc((has_own and self.thing.__doc__) or self.summary)

    @property
    def code(self) -> str:
        """The name under which it enters keys: other code under a plug-in's name is another thing."""
        return self.name if self.built_in else f"{self.name}@{self.digest}"

    def values(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options that are other than their default, in the order of the signature.

        Raises RegistryError for one that there is not, with the nearest, and for one of another type. A
        model checks its own when they are used.
        """
        if not options:
            return {}
        if self.options_model:
            return dict(options)
        if self.fields:
            fields = " and ".join(f"{self.what}.{name}" for name in self.fields)
            raise RegistryError(f"{self.name} has no options of its own: it is set by {fields}.")
        for name in options:
            if name not in self.parameters:
                raise RegistryError(unknown(f"option of {self.name}", name, list(self.parameters)))
        taken = {
            p.name: self._taken(p, options[p.name]) for p in self.parameters.values() if p.name in options
        }
        return {name: value for name, value in taken.items() if value != self.parameters[name].default}

    def _taken(self, parameter: Parameter, value: Any) -> Any:
        try:
            return parameter.taken(value)
        except (TypeError, ValueError):
            raise RegistryError(
                f"The option {parameter.name} of {self.name} must be {parameter.wanted}, not {value!r:.60}."
            ) from None

    def create(self, *given: Any, options: Mapping[str, Any] | None = None, **fields: Any) -> Any:
        """What it makes of what it is given, of options, and of ``fields`` if it is built in.

        Raises RegistryError for options that it does not take, and for a plug-in that fails in any way but by
        a UserError.
        """
        from benchmark.errors import UserError

        values = self.values(options or {})
        known = self.parameters
        arguments = {known[name].argument if name in known else name: v for name, v in values.items()}
        try:
            return self.thing(*given, **fields, **arguments)
        except UserError:
            raise
        except Exception as error:
            if self.built_in:
                raise
            sentence = f"{self.what.capitalize()} {self.name!r} cannot be made: {reason(error)}."
            raise RegistryError(sentence) from error


class PluginRegistry(Registry[Entry]):
    """Entries of one kind.

    Modules of entry points are imported when a name is asked for that is not built in: most import torch.
    """

    def __init__(
        self, what: str, group: str, contract: str, *, base: str = "", given: Sequence[str] = ()
    ) -> None:
        super().__init__(what, group, contract)
        #: What a class must derive from, ``module:class``; whatever can be called, if empty.
        self.base = base
        #: What a class or function is given by place; what it takes after that are options with defaults.
        self.given = tuple(given)
        self._discovered = False

    def declare(
        self,
        name: str,
        summary: str,
        source: str,
        maker: str,
        fields: Sequence[str] = (),
        family: str = "",
    ) -> None:
        """What is built in, ``module:name``, and the fields of an experiment that set its options."""
        made = Entry(self.what, name, summary, source, maker, self.given, fields=tuple(fields), family=family)
        self.entries[name] = made

    def register(self, name: str, *, source: str, family: str = "") -> Callable[[Thing], Thing]:
        """Register a class, or a function where there is no class to derive from; ``source`` is its paper.

        ``family`` is whose presets a data set uses: those of a user's own folders, if not given.

        What its constructor takes after what is given is an option: with a default, and a bool, int, float,
        str or Literal. Raises RegistryError for a name that is taken or is not words of letters and digits
        joined by _ or -, and for anything else than such a class.
        """
        caller = sys._getframe(1).f_globals

        def decorate(thing: Thing) -> Thing:
            self.check_name(name)
            self._check_thing(name, thing)
            summary = inspect.cleandoc(thing.__doc__ or "").partition("\n")[0]
            modules, typed = modules_of(thing, caller), thing if of_a_session(thing) else None
            entry = Entry(
                self.what, name, summary, source, thing, self.given, modules, family=family, typed=typed
            )
            entry.parameters  # noqa: B018 - raises for what nobody could set
            self.entries[name] = entry
            return thing

        return decorate

    def check_name(self, name: str) -> None:
        """Raise RegistryError unless something new may have this name."""
        if not WORD.fullmatch(name):
            sentence = "must be words of letters and digits joined by _ or -"
            raise RegistryError(f"{self.what.capitalize()} name {name!r} {sentence}.")
        if name in self.entries:
            taken = ", ".join(sorted(self.entries))
            raise RegistryError(f"{self.what.capitalize()} name {name!r} is taken; names in use: {taken}.")

    def _check_thing(self, name: str, thing: Any) -> None:
        module, _, base = self.base.partition(":")
        # Whatever derives from it has imported it; nobody else needs to.
        wanted = getattr(sys.modules.get(module), base, None)
        derived = inspect.isclass(thing) and wanted is not None and issubclass(thing, wanted)
        if self.base and not derived:
            sentence = f"must be a class derived from {base} (from {module} import {base})"
            raise RegistryError(f"{self.what.capitalize()} {name!r} {sentence}.")
        if not callable(thing):
            raise RegistryError(f"{self.what.capitalize()} {name!r} must be a class or a function.")

    def everything(self) -> dict[str, Entry]:
        """All entries by name, those of installed packages too, sorted; ``broken`` has those that failed."""
        if not self._discovered:
            self._discovered = True
            self.discover()
        return dict(sorted(self.entries.items()))

    def find(self, text: str) -> Entry | None:
        """The entry that ``NAME`` or ``FILE.py:NAME`` stands for; None for a name that is not registered.

        Raises RegistryError for a file that fails or registers nothing of this name.
        """
        file, name = file_and_name(text)
        if file is not None:
            load_file(file, self.what)
            if name not in self.entries:
                there = list(self.of_file(file))
                raise RegistryError(unknown(f"{self.what} in {file} named", name, there))
        return self.entries.get(name) or self.everything().get(name)

    def resolve(self, text: str) -> Entry:
        """The entry that ``NAME`` or ``FILE.py:NAME`` stands for. Raises RegistryError with what there is."""
        entry = self.find(text)
        if entry is None:
            raise RegistryError(unknown(self.what, text, list(self.everything())))
        return entry

    def values(self, text: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of a name that are other than their default; none are known of one that is not registered.

        Raises RegistryError.
        """
        entry = self.find(text)
        if entry is None and options:
            raise RegistryError(f"{text} takes no options: it is no {self.what} of your own.")
        return entry.values(options) if entry else {}

    def code(self, text: str) -> str:
        """The name under which it enters keys; of one that is not registered, the name."""
        entry = self.find(text)
        return entry.code if entry else text


def imported(reference: str) -> Any:
    """What ``module:name`` refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
