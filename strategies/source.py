"""Digests of the source that a strategy's numbers come from: other code under one name is another strategy.

Covered are the module in which a strategy is defined, the one that registers it, and, through all import
statements, wherever they stand, what these import of their own top-level package, of ``strategies`` and
``baselines``, and of files that are not installed, as those beside a strategy file. Comments, docstrings,
layout, and a registration's ``source``, ``family`` and ``short_names`` are left out: wording undoes no study.

Code without a file is read by ``strategies.notebook_code``.

Not covered are other installed packages and Python, which have versions; modules that are imported by a name
made while running; data files; and the frame, which passes on what strategies compute.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

BUILT_IN = ("strategies", "baselines")
#: What names, declares and checks strategies, and the benchmark: no number is computed there for them.
FRAME = frozenset(
    f"strategies.{name}"
    for name in (
        *(
            "choosing",
            "clauses",
            "contract",
            "interface",
            "measuring",
            "notebook_code",
            "parameters",
            "probe",
        ),
        *("parameters", "probe", "registration", "registry", "source", "strategy_file"),
        *("unregistered", "views"),
    )
)
#: Functions that register, and their arguments that only say something.
REGISTER = frozenset(
    {"register", *(f"register_{what}" for what in ("network", "backbone", "task", "dataset"))}
)
WORDS = frozenset({"source", "family", "short_names"})
NO_CODE = frozenset({"kind", "type_comment", "type_ignores"})  # fields of a tree that only say something
INSTALLED = frozenset({"site-packages", "dist-packages"})


def spec_of(module: str, file: str | None = None) -> ModuleSpec | None:
    """Where a module that is imported, or being imported, comes from; None without a file."""
    loaded = sys.modules.get(module)
    spec: ModuleSpec | None = getattr(loaded, "__spec__", None)
    if spec is None or not spec.has_location:
        file = file or getattr(loaded, "__file__", None)
        spec = importlib.util.spec_from_file_location(module, file) if file else None
    return spec


def source_digest(starts: Iterable[ModuleSpec]) -> str | None:
    """sha256 of the code that these modules are and import, as far as it is covered; None for no module."""
    found = sorted({(file.name, _file_digest(file)) for file in map(_file, covered(starts))})
    return hashlib.sha256(repr(found).encode()).hexdigest() if found else None


def covered(starts: Iterable[ModuleSpec]) -> list[ModuleSpec]:
    """These modules and all that they import, as far as it is covered. Nothing is imported to find out."""
    left, found = list(starts), dict[Path, ModuleSpec]()
    own = frozenset(spec.name.partition(".")[0] for spec in left)
    while left:
        spec = left.pop()
        if _file(spec) not in found:
            found[_file(spec)] = spec
            left += [other for other in imported(spec) if is_covered(other, own)]
    return list(found.values())


def imported(spec: ModuleSpec) -> Iterator[ModuleSpec]:
    """The modules that have a file among those that a module's import statements name."""
    names = [name for node in ast.walk(_tree(_file(spec))) for name in _named(node, spec)]
    for module in dict.fromkeys(part for name in names for part in _with_parents(name)):
        found = _find(module)
        if found is not None and found.has_location:
            yield found


def _named(node: ast.AST, spec: ModuleSpec) -> list[str]:
    """Full names of what an import statement imports; of ``from a import b`` that may be a or a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = (spec.parent or "").split(".")
    within = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*within, *([node.module] if node.module else [])])
    return [name for alias in node.names for name in _handed_on(base, alias.name)]


def _handed_on(base: str, name: str) -> list[str]:
    """Where a name comes from: what built-in modules only hand on is looked for where it is from."""
    if base.partition(".")[0] not in BUILT_IN or (spec := _find(base)) is None or not spec.has_location:
        return [base, f"{base}.{name}"]
    if _find(f"{base}.{name}") is not None:
        return [f"{base}.{name}"]
    statements = _tree(_file(spec)).body
    if not all(isinstance(each, ast.ImportFrom) or not _acts(each) for each in statements):
        return [base]
    for each in statements:
        if isinstance(each, ast.ImportFrom) and each.module and name in [alias.name for alias in each.names]:
            return _handed_on(each.module, name)
    return [base]


def _acts(statement: ast.stmt) -> bool:
    """Whether it is more than words and ``__all__``."""
    if isinstance(statement, ast.Assign):
        return [ast.unparse(target) for target in statement.targets] != ["__all__"]
    return not _is_text(statement)


def _with_parents(name: str) -> list[str]:
    """A module and the packages it is in, which are imported with it; those that only hand on are not."""
    parts = name.split(".")
    names = [".".join(parts[: count + 1]) for count in range(len(parts))]
    return [each for each in names if each == name or each not in BUILT_IN]


def _find(name: str) -> ModuleSpec | None:
    """Where a module would come from; unlike importlib's own, this imports no package to look into it."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", list(spec.submodule_search_locations))
    return spec


def is_covered(spec: ModuleSpec, own: frozenset[str] = frozenset()) -> bool:
    """Whether a module's code counts as a strategy's, beside that of the packages of its ``own``."""
    top = spec.name.partition(".")[0]
    if spec.name in FRAME or top == "benchmark":
        return False
    return top in own or top in BUILT_IN or not is_installed(_file(spec))


def is_installed(file: Path) -> bool:
    """Whether a file is of an installed package or of Python."""
    return bool(INSTALLED & set(file.parts)) or is_standard(file)


def is_standard(file: Path) -> bool:
    """Whether a file is of Python's own library."""
    homes = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return not INSTALLED & set(file.parts) and any(file.is_relative_to(home) for home in homes)


def _file(spec: ModuleSpec) -> Path:
    return Path(spec.origin or "")


def _tree(file: Path) -> ast.Module:
    """The code of a file; empty where there is none to read."""
    try:
        return _parsed(file, file.stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


@lru_cache(1000)
def _parsed(file: Path, modified: int) -> ast.Module:
    del modified
    return ast.parse(file.read_bytes())


def _file_digest(file: Path) -> str:
    """sha256 of what a file does; of its bytes if that cannot be told."""
    try:
        return _digest_of(file, file.stat().st_mtime_ns)
    except OSError:
        return "missing"


@lru_cache(1000)
def _digest_of(file: Path, modified: int) -> str:
    try:
        content = "".join(told(_parsed(file, modified))).encode("utf-8", "surrogatepass")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        content = file.read_bytes()
    return hashlib.sha256(content).hexdigest()


def told(value: Any) -> Iterator[str]:
    """A syntax tree as text, the same for all versions of Python: some leave out empty fields."""
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, inner in ast.iter_fields(value):
            if inner not in (None, []) and name not in NO_CODE:
                yield f" {name}="
                yield from told(_without_words(value, inner) if isinstance(inner, list) else inner)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for inner in value:
            yield from told(inner)
        yield "]"
    else:
        yield repr(value)


def _without_words(node: ast.AST, inner: list[Any]) -> list[Any]:
    """Statements that are only text do nothing, and some arguments of a registration only say something."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in REGISTER:
        inner = [each for each in inner if not (isinstance(each, ast.keyword) and each.arg in WORDS)]
    return [each for each in inner if not _is_text(each)]


def _is_text(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
