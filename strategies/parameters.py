"""Parameters of a strategy's name: what a signature allows, and values from text."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin


class StrategyName(str):
    """The annotation of a parameter that names another strategy: ``power[base=entropy]``."""

    __slots__ = ()


TYPES: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    StrategyName: "the name of a strategy",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a strategy, taken from its signature."""

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


def parameters_of(thing: Callable[..., Any]) -> dict[str, Parameter]:
    """What a name can set: all that a class takes, all but the first (Outputs) that a function takes.

    Raises ValueError for one without a default, for one that cannot be given by name, for one of another type
    than bool, int, float, str, Literal or StrategyName, and for a function that takes nothing.
    """
    taken = list(inspect.signature(thing).parameters.values())
    if not inspect.isclass(thing):
        first, taken = taken[:1], taken[1:]
        if not first or first[0].kind in (first[0].KEYWORD_ONLY, first[0].VAR_KEYWORD):
            raise ValueError("A function must take the outputs of the network as its first argument")
    found = [_parameter(p, thing) for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    named = {parameter.name: parameter for parameter in found}
    if len(named) < len(found):
        raise ValueError("Two parameters differ only in the underscore at the end, which names do not have")
    return named


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
