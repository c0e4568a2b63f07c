"""The reference of a study: uniform random selection, drawn several times a seed.

One draw is one trajectory, and how lucky it was stays in every difference to it: most of the variance of
"strategy minus random" is that of the one random trajectory. So a study draws it several times, from one
first labelled set a seed, and compares with the mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from strategies.registry import resolve

REFERENCE = "random"
_DRAW = re.compile(rf"{REFERENCE}\[draw=([1-9][0-9]*)\]")


def draw_name(number: int) -> str:
    """The full name of a draw of the reference, from 1 on; the first one is the plain name."""
    return REFERENCE if number == 1 else f"{REFERENCE}[draw={number}]"


def is_draw(name: str) -> bool:
    """Whether the full name of a strategy is that of a draw of the reference."""
    return name == REFERENCE or _DRAW.fullmatch(name) is not None


def without_draw(name: str) -> str:
    """The full name of a strategy; that of the reference for each of its draws."""
    return REFERENCE if is_draw(name) else name


def with_draws(names: Sequence[str], draws: int) -> tuple[str, ...]:
    """These strategies and, where the reference is among them, its further draws: ``draws`` in all.

    ``names`` are as a user gives them. Raises RegistryError for one that cannot be resolved.
    """
    return (*names, *further_draws([resolve(name).name for name in names], draws))


def further_draws(full_names: Sequence[str], draws: int) -> list[str]:
    """The draws that are missing from strategies of these full names; none without the reference itself."""
    if REFERENCE not in full_names:
        return []
    return [name for name in map(draw_name, range(2, draws + 1)) if name not in full_names]
