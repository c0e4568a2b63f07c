"""Execute a strategy file that a user names, with what lies beside it in reach of its imports."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

from strategies.source import covered, imported, is_standard

#: Of the names of the modules that they are.
PREFIX = "mtal_strategy_file_"


class HiddenError(ImportError):
    """A file imports one beside it by a name that means another file."""


def execute(path: Path) -> None:
    """Execute a Python file (a resolved path) as a module of its own, once.

    It is a package to itself: ``from . import other`` and ``from .other import name`` mean the file beside
    it. So does ``import other``, unless Python's own library has that name. Raises HiddenError where it would
    silently be yet another file, such as one beside another strategy file, and whatever the file raises.
    """
    name = f"{PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    folder, before = str(path.parent), set(sys.modules)
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[folder])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    if folder not in sys.path:
        # Behind all that is installed, which it must not hide; for good, because a function imports later.
        sys.path.append(folder)
    try:
        _check_siblings(spec, path.parent)
        spec.loader.exec_module(sys.modules[name])
    except BaseException:
        _forget({module for module in set(sys.modules) - before if _is_in(module, path.parent)} | {name})
        raise


def _check_siblings(start: ModuleSpec, folder: Path) -> None:
    """Refuse an import of a file in the folder for which another one, not of Python itself, is imported."""
    for other in (other for spec in covered([start]) for other in imported(spec)):
        sibling, found = folder / f"{other.name}.py", Path(other.origin or "")
        if sibling.is_file() and found.resolve() != sibling.resolve() and not is_standard(found):
            raise HiddenError(
                f"import {other.name} means {found} here, not {sibling}; write `from . import {other.name}`, "
                "or rename that file."
            )


def _is_in(module: str, folder: Path) -> bool:
    file = getattr(sys.modules[module], "__file__", None)
    return bool(file) and Path(str(file)).resolve().is_relative_to(folder)


def _forget(modules: set[str]) -> None:
    """So that a file, once mended, is executed anew with those beside it."""
    for module in modules:
        sys.modules.pop(module, None)
