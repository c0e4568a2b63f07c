"""Parameters: what a signature allows, and values from text, as in a name, or from YAML, as in a field."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin


class StrategyName(str):
    """The annotation of a parameter that names another strategy: ``power[base=entropy]``."""

    __slots__ = ()


class StrategyNames(str):
    """The annotation of a parameter that names several, joined by plus signs: ``bases=random+badge``."""

    __slots__ = ()

    @property
    def each(self) -> list[str]:
        """The names. A plus sign within brackets belongs to the name.

        >>> StrategyNames("random+power[base=entropy,beta=2]").each
        ['random', 'power[base=entropy,beta=2]']
        """
        return split_at(self, "+")


def split_at(text: str, sign: str) -> list[str]:
    """The parts of a list of names, without spaces around them; a sign inside brackets divides nothing."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == sign and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


TYPES: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    StrategyName: "the name of a strategy",
    StrategyNames: "names of strategies joined by +",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of something that is registered, as a strategy, taken from its signature."""

    #: As it stands in the signature, where a name that Python keeps for itself ends with an underscore.
    argument: str
    default: Any
    annotation: Any

    @property
    def name(self) -> str:
        """As a user types it."""
        return self.argument.rstrip("_")

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values it can take, if they are listed."""
        return get_args(self.annotation) if get_origin(self.annotation) is Literal else ()

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        return " or ".join(map(str, self.choices)) or TYPES[self.annotation]

    def parse(self, text: str) -> Any:
        """The value that the text stands for. Raises ValueError or KeyError."""
        if self.choices:
            return {str(choice): choice for choice in self.choices}[text]
        if self.annotation is bool:
            return {"true": True, "false": False}[text.lower()]
        value = self.annotation(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(text)
        return value

    def taken(self, value: Any) -> Any:
        """The value itself, if it is of the right type; whole numbers are numbers too. Raises ValueError."""
        if self.choices:
            return self.choices[self.choices.index(value)]
        numbers = (int, float) if self.annotation is float else self.annotation
        right = isinstance(value, numbers) and (self.annotation is bool or not isinstance(value, bool))
        if not right or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(value)
        return self.annotation(value)


def parameters_of(thing: Callable[..., Any], given: Sequence[str] | None = None) -> dict[str, Parameter]:
    """What can be set: all that a class or function takes after what is ``given`` to it first.

    If not told, nothing is given to a class, and to a function the outputs of a network, as to strategies.

    Raises ValueError for one without a default, for one that cannot be given by name, for one of another type
    than bool, int, float, str, Literal, StrategyName or StrategyNames, and for one that does not take what is
    given.
    """
    if given is None:
        given = () if inspect.isclass(thing) else ("the outputs of the network",)
    taken = _after(given, list(inspect.signature(thing).parameters.values()), thing)
    found = [_parameter(p, thing) for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    named = {parameter.name: parameter for parameter in found}
    if len(named) < len(found):
        raise ValueError("Two parameters differ only in the underscore at the end, which names do not have")
    return named


def _after(
    given: Sequence[str], taken: list[inspect.Parameter], thing: Callable[..., Any]
) -> list[inspect.Parameter]:
    """What a signature has behind the arguments that are given by place."""
    what = "class" if inspect.isclass(thing) else "function"
    for place, name in enumerate(given):
        left = taken[place:]
        if left and left[0].kind is left[0].VAR_POSITIONAL:
            return left
        if not left or left[0].kind in (left[0].KEYWORD_ONLY, left[0].VAR_KEYWORD):
            count = f"argument {place + 1}" if place else "its first argument"
            raise ValueError(f"A {what} must take {name} as {count}")
    return taken[len(given) :]


def as_text(value: Any) -> str:
    """A value as it stands in a name; ``parse`` gives it back."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _parameter(parameter: inspect.Parameter, thing: Callable[..., Any]) -> Parameter:
    annotation = _annotation(parameter, thing)
    nameable = annotation in TYPES or get_origin(annotation) is Literal
    by_name = parameter.kind is not parameter.POSITIONAL_ONLY
    if parameter.default is inspect.Parameter.empty or not nameable or not by_name:
        raise ValueError(
            f"Parameter {parameter.name!r} must have a default, not stand before a '/', and be a bool, int, "
            "float, str or Literal: it is set by name"
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
