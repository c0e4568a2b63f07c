"""Fields that users write: immutable once validated, and every mistake in them one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Set
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

Positive = Annotated[int, Field(ge=1, strict=True)]
Factor = Annotated[float, Field(gt=0)]
SHOWN, LONGEST = 200, 1000  # characters of a value, of a sentence


class Model(BaseModel):
    """Immutable, and no field that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    #: Fields that were added after studies had been stored.
    later: ClassVar[frozenset[str]] = frozenset()

    def settings(self, without: Set[str] = frozenset()) -> dict[str, Any]:
        """All fields for a key, as JSON; a later one only where it is set, so that old keys stay."""
        fields = type(self).model_fields
        unset = {
            n for n in self.later if getattr(self, n) == fields[n].get_default(call_default_factory=True)
        }
        return self.model_dump(mode="json", exclude=unset | without)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for numbers: pydantic takes true for 1, and ``clip: yes`` would clip at 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and bool not in (annotation, *get_args(annotation)):
            raise ValueError(f"must not be {str(value).lower()}")
        return value


def sentences(error: ValidationError, origin: str, model: type[BaseModel]) -> str:
    """All mistakes that pydantic found, a line each, naming origin, field and what would be right."""
    mistakes = error.errors()
    wrong_inside = {mistake["loc"][:-1] for mistake in mistakes}  # those items then are missing in their list
    kept = [m for m in mistakes if m["type"] != "too_short" or m["loc"] not in wrong_inside]
    return "\n".join(f"{origin}: {_sentence(mistake, model)}." for mistake in kept)


def _sentence(mistake: Any, model: type[BaseModel]) -> str:
    field = ".".join(map(str, mistake["loc"]))[:SHOWN]
    message = mistake["msg"].removeprefix("Value error, ").rstrip(".")
    message = message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."
    message = message.replace("Tuple", "List").replace("tuple", "list")  # as YAML calls it
    if mistake["type"] == "extra_forbidden":
        close = _closest(field, model)
        return f"there is no field {field}" + (f"; did you mean {close}?" if close else "")
    if not field:  # of fields that do not go together: the message names them
        return message
    if mistake["type"] in ("value_error", "missing"):
        return f"{field}: {message}"
    return f"{field}: {message} (given: {repr(mistake['input'])[:SHOWN]})"


def _closest(field: str, model: type[BaseModel]) -> str | None:
    """The field with the most similar name, those beside it before all others."""
    parent, _, last = field.rpartition(".")
    paths = sorted(_all_fields(model), key=lambda path: path.rpartition(".")[0] == parent)
    by_name = {path.rpartition(".")[2]: path for path in paths}
    close = difflib.get_close_matches(last, by_name, 1)
    return by_name[close[0]] if close else None


def _all_fields(model: type[BaseModel], prefix: str = "") -> list[str]:
    paths: list[str] = []
    for name, field in model.model_fields.items():
        paths.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            paths += _all_fields(field.annotation, f"{prefix}{name}.")
    return paths
