"""Which images of a folder belong together, by a pattern of their ids."""

from __future__ import annotations

import re
from collections.abc import Sequence

GROUP, ANYTHING = "{group}", "*"
MOST = 4  # of *: what a pattern costs grows with each


def checked_pattern(value: str) -> str:
    """The pattern. Raises ValueError for one that names no group, or too much beside it."""
    if value.count(GROUP) != 1 or value.count(ANYTHING) > MOST:
        raise ValueError(
            f"{value!r} should be a pattern of ids with {GROUP} in it once, and * for anything, at most "
            f"{MOST} times, such as '{GROUP}_*'"
        )
    return value


def groups_of(ids: Sequence[str], pattern: str) -> dict[str, str]:
    """The group of every id: what stands at ``{group}``, as long as it can be.

    Raises ValueError, naming the first id that is not of this pattern.
    """
    parts = re.split(r"(\*|\{group\})", pattern)
    meaning = {GROUP: "(.+)", ANYTHING: ".*"}
    expression = re.compile("".join(meaning.get(part, re.escape(part)) for part in parts), re.DOTALL)
    found = {name: expression.fullmatch(name) for name in ids}
    unlike = next((name for name, match in found.items() if match is None), None)
    if unlike is not None:
        raise ValueError(f"id {unlike!r} is not of the pattern {pattern!r}")
    return {name: match[1] for name, match in found.items() if match}
