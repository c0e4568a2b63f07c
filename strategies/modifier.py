"""Strategies that choose in another way from the scores of another strategy: ``power[base=entropy]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from strategies.interface import Companion, Outputs, Pool, Scores, Shapes, TaskSpec
from strategies.parameters import StrategyName
from strategies.registry import entries, resolve
from strategies.scoring import ALL, ScoreStrategy, per_task

if TYPE_CHECKING:
    from torch import Tensor


class Modifier(ScoreStrategy):
    """A base strategy of scores, all of it but what a subclass changes: ``scores`` or ``pick``.

    Raises ValueError where the base has no score per task, or chooses by more than its scores.
    """

    def __init__(self, base: StrategyName = StrategyName("entropy")) -> None:  # noqa: B008 - it is a string
        self.follow(score_strategy(base))

    def follow(self, base: ScoreStrategy) -> None:
        """Take this one as base: what it wants to see is asked for, and what it refuses is refused."""
        self.base = base
        self.views, self.kinds = base.views, base.kinds
        self.reference, self.knows = base.reference, base.knows
        self.frozen_trunk = base.frozen_trunk

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Whatever the base refuses, and another task than the base's one."""
        self.base.check(tasks)
        super().check(tasks)
        if self.base.task not in (ALL, self.task) and self.task != ALL:
            raise ValueError(
                f"task={self.task} cannot decide: the base has a score for {self.base.task} only"
            )

    def companion(self, shapes: Shapes) -> Companion | None:
        """That of the base."""
        return self.base.companion(shapes)

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures."""
        said: Any = self.base.measure(outputs)
        return said if isinstance(said, Mapping) else per_task(said, outputs, self.kinds)

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the base looked."""
        return self.base.maps(outputs)

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """The base's scores that decide (N each), by task."""
        return self.base.deciding(pool)

    def loss_weights(self, ranks: Scores) -> Scores | None:
        """Those of the base."""
        return self.base.loss_weights(ranks)

    def state_dict(self) -> dict[str, Any]:
        """The base's memory."""
        return self.base.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The base's memory."""
        self.base.load_state_dict(state)


def score_strategy(name: str) -> ScoreStrategy:
    """A fresh instance of a strategy that is scores. Raises ValueError for one that is more, or none."""
    strategy = resolve(name).create()
    if not isinstance(strategy, ScoreStrategy) or not _by_mean_rank(type(strategy)):
        raise ValueError(f"base={name} does not choose by a score per task; these do: {', '.join(_having())}")
    return strategy


def _by_mean_rank(strategy: type[ScoreStrategy]) -> bool:
    return (strategy.select, strategy.pick) == (ScoreStrategy.select, ScoreStrategy.pick)


def _having() -> list[str]:
    names = [entry.name for entry in entries().values() if entry.family != "modifier"]
    return [name for name in names if "task" in entries()[name].parameters]
