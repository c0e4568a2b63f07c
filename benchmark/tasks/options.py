"""What an experiment may choose about a task: the points on which published code disagrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from benchmark.errors import UserError
from benchmark.experiment.validation import Model, sentences


class Options(Model):
    """A task's choices with their defaults; the base class has none."""


O = TypeVar("O", bound=Options)  # noqa: E741 - the usual name of a type variable


def validated_options(model: type[O], given: Mapping[str, Any], task: str) -> O:
    """The options of a task. Raises UserError for one that there is not and for a value out of range."""
    unknown = sorted(set(given) - set(model.model_fields))
    if unknown:
        there = ", ".join(model.model_fields) or "none"
        raise UserError(f"Task {task} has no option {unknown[0]!r}; its options: {there}.")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise UserError(sentences(error, f"options of task {task}", model)) from None
