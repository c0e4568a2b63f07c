"""Sweeps: one experiment with other values of a field or several, a variant for each combination."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote

import yaml

from benchmark.errors import UserError
from benchmark.experiment.fields_from_options import set_field

LONGEST = 150  # characters of a folder's name, of which a file system takes 255 bytes


@dataclass(frozen=True, eq=False)
class Variant:
    """One combination of values: ``settings`` by the dotted path of their field."""

    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What to call it: ``network.name=pad_net, recipe.iterations=100``."""
        return ", ".join(f"{path}={text}" for path, text in self.texts.items())

    @property
    def folder(self) -> str:
        """The same as the name of a folder."""
        name = quote(self.label.replace(", ", ","), safe="=,+ ")
        if len(name) <= LONGEST:
            return name
        return f"{name[:LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"

    @property
    def texts(self) -> dict[str, str]:
        """The values as YAML has them, by field."""
        return {path: _text(value) for path, value in self.settings.items()}

    def over(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """These fields with the variant's own in their place. Raises UserError where that cannot be."""
        changed = copy.deepcopy(dict(fields))
        for path, value in self.settings.items():
            set_field(changed, path, value)
        return changed


def grid(vary: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """Every combination of the values of each field, the last field's changing fastest.

    Raises UserError for a field with fewer than two values, or with one of them twice, and for no fields.

    >>> [variant.label for variant in grid({"network.name": ["pad_net", "mti_net"]})]
    ['network.name=pad_net', 'network.name=mti_net']
    """
    if not isinstance(vary, Mapping) or not all(isinstance(path, str) for path in vary):
        raise UserError(f"vary: must be lists of values by field, not {vary!r:.80}.")
    for path, values in vary.items():
        _check(path, values)
    return [Variant(dict(zip(vary, values, strict=True))) for values in product(*vary.values())]


def parse_vary(texts: Sequence[str]) -> dict[str, list[Any]]:
    """``FIELD=VALUE,VALUE``, each as YAML; commas within brackets are a value's own. Raises UserError."""
    from benchmark.untrusted_files import parsed_yaml
    from strategies.registry import split_names

    vary: dict[str, list[Any]] = {}
    for text in texts:
        path, equals, values = text.partition("=")
        if not equals or not all(path.split(".")) or path in vary:
            raise UserError(
                f"--vary must be FIELD=VALUE,VALUE, such as recipe.iterations=100,200, and each field once, "
                f"not {text!r}."
            )
        try:
            vary[path] = [parsed_yaml(value) for value in split_names(values)]
        except ValueError:
            raise UserError(f"--vary {path}: {values!r:.200} are not values; quote special signs.") from None
    return vary


def _check(path: str, values: Sequence[Any]) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UserError(f"vary {path}: give a list of values, not {values!r:.80}.")
    texts = [_text(value) for value in values]
    if len(texts) < 2:
        raise UserError(
            f"vary {path}: a sweep needs two values or more, not {', '.join(texts) or 'none'}; a single one "
            f"is a setting (--set {path}=..)."
        )
    if twice := next((text for text in texts if texts.count(text) > 1), None):
        raise UserError(f"vary {path}: {twice} is there twice; each value once.")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    text: str = yaml.safe_dump(value if isinstance(value, dict) else _plain(value), default_flow_style=True)
    return text.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    """As YAML can write it: a tuple is a list, a path a text."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | float | None) else str(value)
