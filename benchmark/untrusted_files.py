"""Small files that anybody may have written: bytes, JSON and YAML, read within bounds.

Nothing here waits, runs code or takes memory that the file does not account for. A name may stand for a pipe,
which makes who opens it wait; a few lines of YAML may stand for more values than memory holds.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import UserError

#: Bytes of a YAML file, which PyYAML reads at about 40 kB/s, and what its aliases may amount to.
MOST_YAML, MOST_NODES = 2**16, 100_000
MOST_JSON = 2**28  # bytes: a round keeps the scores of every image, and this is room for a million
#: A report's tables of two data sets with a thousand trajectories are a fifth of it.
MOST_TABLE = 2**26
DEEPEST = 50  # containers in containers; our own files have six
LARGEST_INTEGER = 2**63
SHOWN = 60  # characters of a name in a sentence


def read_bytes(path: Path, most: int) -> bytes:
    """The whole of a plain file of at most ``most`` bytes. Raises OSError, its ``strerror`` says why."""
    with open(path, "rb", opener=_without_waiting) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {_size(most)}", str(path))
    return content


def read_text(path: Path, most: int) -> str:
    """The same as UTF-8 text, with or without a mark of that. Raises OSError and ValueError."""
    return read_bytes(path, most).decode("utf-8-sig")


def read_json(path: Path) -> Any:
    """A JSON file of finite numbers, nested at most ``DEEPEST`` times. Raises OSError and ValueError."""
    return parsed_json(read_text(path, MOST_JSON))


def parsed_json(text: str | bytes) -> Any:
    """The same of JSON text. Raises ValueError."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_sound(content)
    return content


def read_yaml(path: Path) -> Any:
    """A YAML file of plain values. Raises OSError and ValueError."""
    return parsed_yaml(read_text(path, MOST_YAML))


def read_fields(path: Path) -> dict[str, Any]:
    """A YAML file of fields by name. Raises UserError."""
    try:
        content = read_yaml(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{path} must hold fields, one 'name: value' a line.")
    return content


def parsed_yaml(text: str) -> Any:
    """YAML text of plain values, no field twice. Raises ValueError, in one line."""
    try:
        content = yaml.load(text, _Plain)  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except Exception as error:  # PyYAML's constructors raise anything on a tag that does not fit its value
        reason = " ".join(str(error).split()) if isinstance(error, yaml.YAMLError | ValueError) else ""
        raise ValueError(reason or "a tag does not fit its value") from None
    _check_sound(content, finite=False)
    return content


class _Plain(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Plain values that are no more than their text; plain PyYAML takes the last of equal fields silently."""

    def get_single_node(self) -> yaml.Node | None:
        """As the base class, after counting what its aliases amount to."""
        node = super().get_single_node()
        if node is not None:
            _amount(node, {})
        return node

    def fetch_flow_collection_start(self, token: type) -> None:
        """As the base class, up to ``DEEPEST``: every bracket makes all that follow slower to scan."""
        super().fetch_flow_collection_start(token)
        if self.flow_level > DEEPEST:
            raise yaml.scanner.ScannerError(None, None, "it is nested too deeply", self.get_mark())

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class, after looking for names that are there twice."""
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        names = Counter(key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode))
        twice = next((name for name, count in names.items() if count > 1 and name != "<<"), None)
        if twice is not None:
            raise _complaint(f"{twice[:SHOWN]!r} is there twice", node)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_integer(self, node: yaml.Node) -> int:
        """As the base class, for numbers that any reader can hold and print."""
        value: int = self.construct_yaml_int(node)
        if abs(value) >= LARGEST_INTEGER:
            raise _complaint("a whole number has more than 63 bits", node)
        return value


_Plain.add_constructor("tag:yaml.org,2002:int", _Plain.construct_integer)


def _amount(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many values a node stands for, aliases written out. Raises YAMLError for too many, or no end."""
    if node not in known:
        known[node] = MOST_NODES  # until it is known: who meets it meanwhile is inside of it
        items = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
        known[node] = 1 + sum(_amount(part, known) for part in parts)
    if known[node] > MOST_NODES:
        raise _complaint(f"its aliases stand for more than {MOST_NODES} values", node)
    return known[node]


def _complaint(what: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _check_sound(value: Any, finite: bool = True, left: int = DEEPEST) -> None:
    """Raises ValueError for what could not be written again: broken text, and NaN and infinity if asked."""
    if isinstance(value, str):
        value.encode()
    elif finite and isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it holds a number that is not finite")
    elif isinstance(value, dict | list) and left == 0:
        raise ValueError("it is nested too deeply")
    elif isinstance(value, dict | list):
        for part in value if isinstance(value, list) else (*value, *value.values()):
            _check_sound(part, finite, left - 1)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 2**20 else f"{count >> 10} KiB"
