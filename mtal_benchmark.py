"""Where the command starts: outside of our packages, whose names are plain words that others use as well.

A foreign package called ``strategies``, ``baselines`` or ``benchmark`` may come before ours on Python's path,
or an installation may have overwritten our files: both are said in a sentence before any of them is run.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import NoReturn

OURS = ("benchmark", "baselines", "strategies")
#: A comment at the beginning of each of our packages.
MARK = b"# Part of mtal-benchmark."
DISTRIBUTION = "mtal-benchmark"


def main() -> NoReturn:
    """The command, if our packages are ours."""
    if (complaint := foreign()) is not None:
        sys.stderr.write(f"Error: {complaint}\n")
        sys.exit(2)
    try:
        from benchmark.cli.main import main as command
    except ImportError:  # of a file that was overwritten, though not the one with the mark
        if (complaint := overwritten()) is None:
            raise
        sys.stderr.write(f"Error: {complaint}\n")
        sys.exit(2)
    command()


def foreign() -> str | None:
    """What to say of a package in the place of ours; None if all are ours. Imports none of them."""
    home = Path(__file__).resolve().parent
    for name in OURS:
        file = _file_of(name)
        if file is None:
            return f"The package {name} is missing beside {home}: install {DISTRIBUTION} again."
        if file.parent.parent != home:
            return (
                f"The package {name} that Python finds is another one, {file.parent}{_from(name, file)}, and "
                f"hides that of {DISTRIBUTION} in {home}: uninstall or rename it, or take its folder from "
                "PYTHONPATH; an environment of its own for the benchmark (make setup) has none of this."
            )
        if not file.read_bytes().startswith(MARK):
            return _replaced(name, file)
    return None


def overwritten() -> str | None:
    """What to say of files that another distribution lists as its own too; None if there is none."""
    home = Path(__file__).resolve().parent
    for other in distributions():
        for file in other.files or ():
            place = Path(str(other.locate_file(file)))
            if (
                file.parts[0] in OURS
                and place.resolve().is_relative_to(home)
                and _name(other) != DISTRIBUTION
            ):
                return _replaced(file.parts[0], place)
    return None


def _replaced(name: str, file: Path) -> str:
    return (
        f"Files of the package {name} were overwritten: {file} is not that of {DISTRIBUTION}"
        f"{_from(name, file)}. Uninstall what brought it and install {DISTRIBUTION} again, best in an "
        "environment of its own (make setup)."
    )


def _file_of(name: str) -> Path | None:
    """The ``__init__.py`` that an import of a package would run."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _from(name: str, file: Path) -> str:
    """The installed distribution that a package is of, if one says so; asked only once something is wrong."""
    found = [
        _name(other)
        for other in distributions()
        if _name(other) != DISTRIBUTION
        and any(
            each.parts[0] == name and Path(str(other.locate_file(each))).resolve().parent == file.parent
            for each in other.files or ()
        )
    ]
    return f" (of the distribution {found[0]})" if found else ""


def _name(distribution: object) -> str:
    return str(getattr(distribution, "metadata", {})["Name"] or "").lower()


if __name__ == "__main__":
    main()
