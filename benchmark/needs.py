"""What a strategy needs besides a trained network, in words and passes. Imports no torch."""

from __future__ import annotations

from strategies.interface import Strategy
from strategies.modifier import Modifier

WORDS = {
    "pool pass": "one pass over the pool",
    "module": "a module trained beside the network",
    "labels": "labels of the pool: a reference, never ranked",
}


def passes(strategy: Strategy) -> int:
    """Passes of the network over every image of the pool, each round: none, one, and one more for a view."""
    return 1 + len(strategy.views) if _measures(strategy) else 0


def needs(strategy: Strategy) -> list[str]:
    """All that it needs, in a word or two each; ``WORDS`` says some in more."""
    views = strategy.views if len(strategy.views) < 3 else (f"{strategy.views[0]} to {strategy.views[-1]}",)
    said = {
        "pool pass": _measures(strategy),
        f"views: {', '.join(views)}": bool(views),
        "module": _trains_a_module(strategy),
        "labels": strategy.reference,
        f"a value for {', '.join(strategy.required)}": bool(strategy.required),
    }
    return [need for need, holds in said.items() if holds]


def _measures(strategy: Strategy) -> bool:
    return type(strategy).measure is not Strategy.measure


def _trains_a_module(strategy: Strategy) -> bool:
    """Not asked of ``companion`` itself, which may import torch to answer; a modifier does as its base."""
    if isinstance(strategy, Modifier) and type(strategy).companion is Modifier.companion:
        return _trains_a_module(strategy.base)
    return type(strategy).companion is not Strategy.companion
