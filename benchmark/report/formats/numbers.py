"""How budgets, numbers and missing seeds are written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def head(labelled: int, pool: int) -> str:
    """A budget as a share of the pool and, in brackets, as a number of images."""
    return f"{100 * labelled / pool:.3g} % ({labelled})"


def decimals(largest: float) -> int:
    """Decimals that write numbers up to ``largest`` with three digits below 1 and four from 1 on."""
    if not largest > 0:
        return 3
    return max(0, 2 - math.floor(math.log10(largest)) + (largest >= 1))


def listed_gaps(gaps: Mapping[int, list[int]], expected: Sequence[int], heads: Mapping[int, str]) -> str:
    """Seeds and the budgets that each lacks (as ``missing_seeds`` gives them) in words."""

    def where(sizes: list[int]) -> str:
        return "any budget" if len(sizes) == len(expected) else ", ".join(heads[size] for size in sizes)

    seeds: dict[str, list[str]] = {}
    for seed, sizes in gaps.items():
        seeds.setdefault(where(sizes), []).append(str(seed))
    return "; ".join(f"seed{'s' * (len(s) > 1)} {', '.join(s)} at {place}" for place, s in seeds.items())
