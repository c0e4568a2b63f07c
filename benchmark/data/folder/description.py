"""Reads the YAML file that describes a folder, and says in sentences what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.untrusted_files import read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]


def read_description(path: Path) -> Any:
    """What the file holds. Raises UserError where it cannot be read or is no YAML."""
    try:
        return read_yaml(path)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} is not valid YAML: {error}.") from None


def sentence(detail: ErrorDetails, fields_at: Callable[[Location], Sequence[str]]) -> str:
    """What pydantic found, which speaks of inputs and types, in a sentence on a field."""
    field = shortened(".".join(map(str, detail["loc"]))) or "the file"
    if detail["type"] == "missing":
        return f"{field}: is missing."
    if detail["type"] == "extra_forbidden":
        return f"{field}: is no field; there are {', '.join(fields_at(detail['loc'][:-1]))}."
    if detail["type"] == "value_error":
        return f"{field}: {shortened(detail['msg'].removeprefix('Value error, '), 300)}."
    return f"{field}: {detail['msg'].replace('Input s', 's')}, not {shortened(repr(detail['input']))}."


def shortened(text: str, most: int = 60) -> str:
    """The text, its end cut off where it is too long for a sentence."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
