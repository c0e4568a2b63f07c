"""Strategies that are a score per image and task: the highest mean rank is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strategies.interface import Outputs, Pool, Scores, Selection, Strategy
from strategies.ranking import highest, normalise

if TYPE_CHECKING:
    from torch import Tensor


class ScoreStrategy(Strategy):
    """``measure`` gives ``{task: scores of B images}``; ranking, ties and top-k are done here.

    Scores of different tasks have different scales, so each is ranked over the unlabelled images first.
    """

    def select(self, pool: Pool, budget: int) -> Selection:
        """The images of the highest mean rank over the tasks that have a score."""
        scored = [task.name for task in pool.tasks if task.name in pool.rows]
        if not scored:
            raise ValueError(f"no score is named after a task ({', '.join(t.name for t in pool.tasks)})")
        scores = columns(pool, scored)
        mean_rank = normalise(scores[pool.unlabelled]).mean(1)
        chosen = pool.unlabelled[highest(mean_rank, budget, pool.rng)]
        return Selection(chosen, all_tasks(pool, scored, scores))


class FunctionStrategy(ScoreStrategy):
    """A function from Outputs to ``{task: scores of B images}``, made a strategy."""

    def __init__(
        self,
        function: Callable[..., Mapping[str, Tensor]],
        views: Sequence[Literal["flip"]],
        values: Mapping[str, Any],
    ) -> None:
        self.function, self.values = function, dict(values)
        self.views = tuple(views)  # type: ignore[misc]  # one class serves functions with different views

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Call the function and check that it scored tasks."""
        scores = self.function(outputs, **self.values)
        names = [task.name for task in outputs.tasks]
        unknown = sorted(set(scores) - set(names))
        if unknown or not scores:
            raise ValueError(f"scores must be per task ({', '.join(names)}), not {unknown or 'empty'}")
        for task, score in scores.items():
            if tuple(score.shape) != (len(outputs.refined[task]),):
                raise ValueError(f"scores of {task} must be one number per image, not {tuple(score.shape)}")
        return scores


def columns(pool: Pool, names: Sequence[str]) -> Scores:
    """Rows of these names, one number per image each, side by side (N x len(names))."""
    return np.stack(
        [np.asarray(pool.rows[name], np.float64).reshape(len(pool.ids)) for name in names], axis=1
    )


def all_tasks(pool: Pool, names: Sequence[str], scores: Scores) -> Scores:
    """Scores of some tasks as the N x T of a Selection; a task without a score gets zeros."""
    full = np.zeros((len(pool.ids), len(pool.tasks)))
    full[:, [i for i, task in enumerate(pool.tasks) if task.name in names]] = scores
    return full
