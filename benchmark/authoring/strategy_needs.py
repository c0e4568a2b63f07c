"""What a strategy needs besides a trained network, in words and passes. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from strategies.ensemble import trains_a_module
from strategies.interface import Strategy

WORDS = {
    "pool pass": "one pass over the pool",
    "module": "a module trained beside the network",
    "frozen trunk": "a pre-trained backbone that is not trained (network.frozen)",
    "label by label": "labels one by one, where others buy whole images",
    "labels": "labels of the pool: a reference, never ranked",
    "trainings": "many trainings for each choice, a frozen trunk and oracle_split",
    "groups": "groups of the pool's images: a reference, never ranked",
}


def passes(strategy: Strategy) -> int:
    """Passes of the network over every image of the pool, each round: none, one, and one more for a view."""
    return 1 + len(strategy.views) if _measures(strategy) else 0


def needs(strategy: Strategy) -> list[str]:
    """All that it needs, in a word or two each; ``WORDS`` says some in more."""
    views = _in_short(strategy.views)
    said = {
        "pool pass": _measures(strategy),
        f"views: {', '.join(views)}": bool(views),
        "module": trains_a_module(strategy),
        "frozen trunk": strategy.frozen_trunk,
        "label by label": strategy.partial,
        "labels": strategy.reference and strategy.knows != ("groups",),
        "groups": "groups" in strategy.knows,
        "trainings": "usefulness" in strategy.knows,
        f"a value for {', '.join(strategy.required)}": bool(strategy.required),
    }
    return [need for need, holds in said.items() if holds]


def _in_short(views: Sequence[str]) -> list[str]:
    """Views in their order, three or more passes that follow each other as the first to the last."""
    runs: list[list[str]] = []
    for view in views:
        if runs and _follows(runs[-1][-1], view):
            runs[-1].append(view)
        else:
            runs.append([view])
    return [word for run in runs for word in (run if len(run) < 3 else [f"{run[0]} to {run[-1]}"])]


def _follows(one: str, other: str) -> bool:
    (kind, _, first), (same, _, second) = one.partition("-"), other.partition("-")
    return kind == same and first.isdecimal() and second == str(int(first) + 1)


def _measures(strategy: Strategy) -> bool:
    return type(strategy).measure is not Strategy.measure
