"""Every field of an experiment with its values, default and meaning, read from the models that check them.

``python -m benchmark.authoring.experiment_fields`` (``make docs``) writes docs/experiment.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from benchmark.experiment.config import Experiment

DOCS = Path(__file__).parents[2] / "docs" / "experiment.md"
PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path", Any: "value"}
LIMITS = {Ge: ("from", "ge"), Gt: ("over", "gt"), Le: ("to", "le"), Lt: ("below", "lt"), MinLen: ("", "")}
INTRODUCTION = """# Every field of an experiment

A YAML file of these fields is what `mtal run FILE.yaml` takes; `--set FIELD=VALUE` sets any of them, and a
`preset:` in the file is what it starts from. A field that there is not is refused, with the nearest that
there is. Paths are relative to the file. `mtal list fields` prints this table, `make docs` writes it here.
"""


@dataclass(frozen=True)
class Described:
    """A field: its path, what values it takes, what it is if not given, and what it does."""

    path: str
    values: str
    default: str
    meaning: str


def described_fields(model: type[BaseModel] = Experiment, prefix: str = "") -> Iterator[Described]:
    """All fields in the order of the models, those of a part below its name."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from described_fields(annotation, f"{prefix}{name}.")
        else:
            values = " ".join(filter(None, (_values(annotation), *map(_limit, field.metadata))))
            yield Described(prefix + name, values, _default(field), field.description or "")


def _values(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join(filter(None, (_values(arguments[0]), *(_limits(arguments[1:])))))
    if origin is Literal:
        return " or ".join(map(_written, arguments))
    if origin in (Union, UnionType):
        return " or ".join("null" if one is NoneType else _values(one) for one in arguments)
    if origin is tuple:
        return _list(arguments)
    if origin is dict:
        return f"mapping to {_values(arguments[1])}"
    return PLAIN.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _list(arguments: tuple[Any, ...]) -> str:
    if arguments[-1] is Ellipsis:
        return f"list of {_values(arguments[0])}"
    return f"list of {len(arguments)}: {_values(arguments[0])}"


def _limits(metadata: tuple[Any, ...]) -> Iterator[str]:
    for one in metadata:
        yield from map(_limit, one.metadata if isinstance(one, FieldInfo) else [one])


def _limit(one: Any) -> str:
    word, attribute = LIMITS.get(type(one), ("", ""))
    return f"{word} {getattr(one, attribute):g}" if word else ""


def _default(field: FieldInfo) -> str:
    return "must be given" if field.is_required() else _written(field.get_default(call_default_factory=True))


def _written(value: Any) -> str:
    """As YAML has it."""
    plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True)
    return text.removesuffix("...\n").strip()


def markdown() -> str:
    """The page of the documentation."""
    head = ["| field | values | default | |", "|:---|:---|:---|:---|"]
    rows = [f"| `{f.path}` | {f.values} | `{f.default}` | {f.meaning} |" for f in described_fields()]
    return "\n".join([INTRODUCTION, *head, *rows, ""])


if __name__ == "__main__":
    DOCS.write_text(markdown(), encoding="utf-8")
