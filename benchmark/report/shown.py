"""Which differences to random are shown by the study: one rule for figures, page and claim."""

from __future__ import annotations

import math

from benchmark.report.evidence import Evidence
from benchmark.report.family import LEVEL
from benchmark.report.paired import Comparison


def differing(found: Evidence) -> list[Comparison]:
    """The strategies that differ from random beyond doubt, by the corrected test; best first."""
    return [one for one in found.against_random if one.corrected < LEVEL]


def is_tested(found: Evidence) -> bool:
    """Whether anything is tested at all: there may be too few seeds, or no random."""
    return any(not math.isnan(one.corrected) for one in found.against_random)
