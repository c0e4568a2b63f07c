"""What to say where a library is not installed: which one, for what, and the command that brings it.

The package is in no registry, so nobody can install ``mtal-benchmark[...]`` by name: the libraries that an
extra stands for are named instead, with the Python that runs now.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, requires

from benchmark.errors import UserError

PACKAGE = "mtal-benchmark"
OWN = ("benchmark", "baselines", "strategies")


def install_command(extra: str) -> str:
    """The command that brings the libraries of an extra: ``PYTHON -m pip install "wandb>=0.31"``."""
    quoted = " ".join(f'"{library}"' for library in _libraries(extra))
    return f"{sys.executable} -m pip install {quoted}"


def missing_library(error: ModuleNotFoundError) -> UserError | None:
    """What to say of a library that a command needs and nobody installed; None for a module of our own."""
    module = (error.name or "").partition(".")[0]
    if not module or module in OWN:
        return None
    return UserError(
        f"This command needs the Python library {module}, which is not installed here. Reading results (mtal "
        "report, compare, status, export, list) needs no more; `make setup` in the project's folder installs "
        "everything."
    )


def _libraries(extra: str) -> list[str]:
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:
        return [extra]
    asked = (line.partition(";") for line in lines)
    of_extra = re.compile(rf"\bextra\s*==\s*['\"]{re.escape(extra)}['\"]")
    return [library.strip() for library, _, marker in asked if of_extra.search(marker)] or [extra]
