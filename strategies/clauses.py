"""Clauses of contracts: functions that raise when what is under test breaks them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

Probe = TypeVar("Probe")


def broken(clause: Callable[[Probe], None], probe: Probe, files: Collection[Path]) -> str | None:
    """Why a clause does not hold, or None; with the line in one of these ``files`` at which it was raised."""
    try:
        clause(probe)
    except AssertionError as error:
        return str(error) or f"an assertion failed{_place(error, files)}"
    except Exception as error:  # whatever a user's code raises is the answer
        return f"{type(error).__name__}: {error}{_place(error, files)}"
    return None


def words(clause: Callable[..., None]) -> str:
    """What a clause asks, as its name says it."""
    return clause.__name__.replace("_", " ")


def _place(error: Exception, files: Collection[Path]) -> str:
    """Where in the author's own file it was raised, if there."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() in files]
    return f" (line {lines[-1]})" if lines else ""
