"""Strategies that choose in another way from the scores of another strategy: ``power[base=entropy]``."""

from __future__ import annotations

from strategies.interface import Pool, Scores, TaskSpec
from strategies.parameters import StrategyName
from strategies.registry import entries, resolve
from strategies.scoring import ALL, ScoreStrategy
from strategies.wrapper import Wrapper


class Modifier(Wrapper[ScoreStrategy], ScoreStrategy):
    """A base strategy of scores, all of it but what a subclass changes: ``scores`` or ``pick``.

    Raises ValueError where the base has no score per task, or chooses by more than its scores.
    """

    def __init__(self, base: StrategyName = StrategyName("entropy")) -> None:  # noqa: B008 - it is a string
        self.follow(score_strategy(base))

    def follow(self, base: ScoreStrategy) -> None:
        """Take this one as base: what it wants to see is asked for, and what it refuses is refused."""
        super().follow(base)
        self.kinds = base.kinds

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Whatever the base refuses, and another task than the base's one."""
        super().check(tasks)
        ScoreStrategy.check(self, tasks)
        if self.base.task not in (ALL, self.task) and self.task != ALL:
            raise ValueError(
                f"task={self.task} cannot decide: the base has a score for {self.base.task} only"
            )

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """The base's scores that decide (N each), by task."""
        return self.base.deciding(pool)


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
