"""Strategies that ask several others: each measures for itself, and is asked what it would choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.choosing import choose
from strategies.interface import Outputs, Pool, Positions, Strategy, TaskSpec
from strategies.parameters import StrategyNames
from strategies.registry import resolve
from strategies.scoring import rows_said
from strategies.wrapper import Wrapper

if TYPE_CHECKING:
    from torch import Tensor

BETWEEN = ": "  # a strategy's name and that of its row, and in no name of a strategy


class Ensemble(Strategy):
    """Several strategies; a subclass says what is chosen of what they ``propose``.

    ``bases`` are they by name, in the order in which they were named. A reference is told what they know
    together. Raises ValueError for none, for one named twice, and for one that trains a module beside the
    network, of which there is one a strategy.
    """

    def __init__(self, bases: StrategyNames) -> None:
        named = [resolve(name) for name in bases.each]
        self.bases = {each.name: each.create() for each in named}
        if not named or len(self.bases) < len(named):
            raise ValueError(f"bases={bases} must name strategies, each once, joined by +")
        for name, base in self.bases.items():
            if trains_a_module(base):
                raise ValueError(f"{name} trains a module beside the network, and cannot be one of several")
            if base.partial:
                raise ValueError(f"{name} buys labels by themselves, and all are asked for whole images")
        self.views = tuple(dict.fromkeys(view for base in self.bases.values() for view in base.views))
        self.reference = any(base.reference for base in self.bases.values())
        self.frozen_trunk = any(base.frozen_trunk for base in self.bases.values())
        self.knows = tuple(dict.fromkeys(fact for base in self.bases.values() for fact in base.knows))

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Whatever one of them refuses."""
        for name, base in self.bases.items():
            try:
                base.check(tasks)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What each of them measures, under its name."""
        rows: dict[str, Tensor] = {}
        for name, base in self.bases.items():
            rows |= {f"{name}{BETWEEN}{row}": values for row, values in rows_said(base, outputs).items()}
        return rows

    def proposed(self, name: str, pool: Pool, budget: int) -> Positions:
        """The positions that one of them would choose of a pool, checked."""
        return choose(self.bases[name], name, self.seen_by(name, pool), budget).indices

    def proposed_among(self, name: str, pool: Pool, some: Positions, budget: int) -> Positions:
        """The same of these unlabelled images, when it sees no others but the labelled ones."""
        there = np.sort(np.concatenate([pool.labelled, some]))
        return there[self.proposed(name, pool.at(there), budget)]

    def seen_by(self, name: str, pool: Pool) -> Pool:
        """The pool with what one of them measured."""
        before = f"{name}{BETWEEN}"
        own = {row.removeprefix(before): v for row, v in pool.rows.items() if row.startswith(before)}
        return replace(pool, rows=own)

    def state_dict(self) -> dict[str, Any]:
        """What each remembers."""
        return {name: base.state_dict() for name, base in self.bases.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what each remembered."""
        for name, base in self.bases.items():
            base.load_state_dict(state.get(name, {}))


def trains_a_module(strategy: Strategy) -> bool:
    """Not asked of ``companion`` itself, which may import torch to answer; a wrapper does as its base."""
    if isinstance(strategy, Wrapper) and type(strategy).companion is Wrapper.companion:
        return trains_a_module(strategy.base)
    return type(strategy).companion is not Strategy.companion
