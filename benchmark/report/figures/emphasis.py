"""Whose spread a figure of curves shows: bands of all of a dozen strategies are a grey wash."""

from __future__ import annotations

from benchmark.report.subject import Subject

#: Up to so many strategies, each shows its spread.
MOST = 8
#: Of more than that: these, and so many of the lowest NAUBC.
ALWAYS, BEST = ("random", "consistency-diversity"), 3


def emphasised(subject: Subject) -> frozenset[str]:
    """The strategies whose spread is shown; the others are thin lines."""
    if len(subject.order) <= MOST:
        return frozenset(subject.order)
    return frozenset({*subject.ranked[:BEST], *(name for name in ALWAYS if name in subject.order)})
