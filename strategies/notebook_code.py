"""Digests of code that was typed into a notebook or a prompt, and has no file.

Covered are a function or a class, and, through the names that it uses, the functions, classes and plain
values (numbers, texts, and lists and mappings of them) of the same session, at the time of asking; what has a
file among all these is covered as in ``strategies.source``. Comments, docstrings and layout are left out.

Not covered are arrays, networks and other objects that a name stands for, what is reached by an attribute of
these, and what ``strategies.source`` does not cover.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import linecache
import textwrap
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from types import CodeType
from typing import Any

from strategies.source import is_covered, source_digest, spec_of, told

#: Where a data class says that its methods are from.
GENERATED = "<string>"


def of_a_session(thing: Any) -> bool:
    """Whether a class or a function is defined where there is no file."""
    return spec_of(str(getattr(inspect.unwrap(thing), "__module__", ""))) is None


def defined_alike(thing: Any, other: Any) -> bool:
    """Whether both are definitions of one name in one place."""
    where = ("__module__", "__qualname__")
    return all(getattr(thing, part, "") == getattr(other, part, None) for part in where)


def session_digest(thing: Any, modules: Iterable[ModuleSpec]) -> str | None:
    """sha256 of its code and of what it uses, ``modules`` among that; None where the code cannot be read."""
    try:
        words, used = _reached(thing)
    except (OSError, TypeError, SyntaxError):
        return None
    said = repr((sorted(words), source_digest([*modules, *used])))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _reached(thing: Any) -> tuple[list[str], list[ModuleSpec]]:
    """What is in the session, in words, and the modules that have files."""
    left, seen, words, modules = [("", thing)], set[int](), list[str](), list[ModuleSpec]()
    while left:
        name, value = left.pop()
        if (plain := _plain(value)) is not None:
            words.append(f"{name}={plain}")
        elif id(value) not in seen and (module := _home(value)):
            seen.add(id(value))
            if (spec := spec_of(module)) is None:
                words.append("".join(told(_tree(value))))
                left += _used(value)
            elif is_covered(spec):
                modules.append(spec)
    return words, modules


def _plain(value: Any) -> str | None:
    """A value that says all of itself."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None


def _home(value: Any) -> str:
    """The module of a function or class, or that is the value itself; empty for other objects."""
    if inspect.ismodule(value):
        return str(value.__name__)
    return str(value.__module__) if inspect.isfunction(value) or inspect.isclass(value) else ""


def _used(value: Any) -> Iterator[tuple[str, Any]]:
    """What the names that a function or a class uses stand for."""
    if inspect.isclass(value):
        yield from ((base.__qualname__, base) for base in value.__bases__)
        for name, part in vars(value).items():
            inner = getattr(part, "__func__", getattr(part, "fget", part))  # of a class method, a property
            if inspect.isfunction(inner):
                yield from _used(inner)
            elif not name.startswith("__"):
                yield name, inner
        return
    cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=False))
    known = {**value.__globals__, **{name: _content(cell) for name, cell in cells.items()}}
    yield from ((name, known[name]) for name in sorted(_names(value.__code__)) if name in known)
    yield "defaults", [value.__defaults__, value.__kwdefaults__]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is not filled yet
        return None


def _names(code: CodeType) -> set[str]:
    """All names that are not local, those within inner functions too."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return {*code.co_names, *code.co_freevars}.union(*map(_names, inner))


def _tree(value: Any) -> ast.AST:
    """The code of a function or a class. Raises OSError where nothing keeps its text."""
    text = _class_text(value) if inspect.isclass(value) else inspect.getsource(value)
    try:
        return ast.parse(textwrap.dedent(text))
    except SyntaxError:  # a lambda in the middle of something: its lines say enough
        return ast.Constant(text)


def _class_text(value: type) -> str:
    """The text of a class, found by one of its methods: Python itself looks for a file of its module.

    One without methods is its bases and attributes, which count by themselves.
    """
    codes = [inspect.unwrap(method).__code__ for method in filter(inspect.isfunction, vars(value).values())]
    typed = [code for code in codes if code.co_filename != GENERATED]
    for code in typed:
        lines = linecache.getlines(code.co_filename)
        classes = (node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.ClassDef))
        for node in classes:
            around = node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)
            if around and node.name == value.__name__:
                return "".join(lines[node.lineno - 1 : node.end_lineno])
    if typed:
        raise OSError(f"the code of {value.__qualname__} is not kept")
    return f"class {value.__name__}: {sorted(vars(value).get('__annotations__', {}))}"
