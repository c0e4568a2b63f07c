"""Strategies that are a score per image and task: the highest mean rank is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.interface import Kind, Outputs, Pool, Positions, Scores, Selection, Strategy, TaskSpec
from strategies.score_normalisation import highest, normalise

if TYPE_CHECKING:
    from torch import Tensor

ALL = "all"


class ScoreStrategy(Strategy):
    """``measure`` gives ``{task: scores of B images}``; ranking, ties and top-k are done here.

    Scores of different tasks have different scales, so each is ranked over the unlabelled images first. A
    class attribute ``kinds`` says for which kinds of task there is a score, if not for all.
    """

    kinds: tuple[Kind, ...] = ()
    #: The one task whose score decides, or ``all``: the parameter ``task`` of the name.
    task: str = ALL

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Refuse tasks of which none has a score, and a task that is not there."""
        names = [task.name for task in tasks]
        scored = [task.name for task in tasks if not self.kinds or task.kind in self.kinds]
        if self.task != ALL and self.task not in names:
            raise ValueError(f"task={self.task}: there is no such task; there is: {', '.join(names)}")
        if not scored or self.task not in (ALL, *scored):
            kinds = " and ".join(self.kinds)
            raise ValueError(
                f"there is a score for {kinds} tasks only; of {', '.join(names)} it can score "
                f"{', '.join(scored) or 'none'}"
            )

    def scores(self, pool: Pool) -> dict[str, Scores]:
        """Scores of all N images by task, higher is more informative: what ``measure`` said, by default."""
        return {name: columns(pool, [name])[:, 0] for name in scored_tasks(pool)}

    def deciding(self, pool: Pool) -> dict[str, Scores]:
        """The scores that decide: of all tasks that have one, or of the task named."""
        scores = self.scores(pool)
        return scores if self.task == ALL else {self.task: scores[self.task]}

    def pick(self, scores: Scores, budget: int, rng: np.random.Generator) -> Positions:
        """Which of n images to choose by their scores (n x T, of the tasks that decide), best first.

        The highest mean rank over tasks; equal ones fall by the random stream.
        """
        return highest(normalise(scores).mean(1), budget, rng)

    def probabilities(self, scores: Scores, picked: Positions) -> Scores | None:
        """Of what was picked by these scores, if it was drawn (see ``Selection``)."""
        del scores, picked
        return None

    def select(self, pool: Pool, budget: int) -> Selection:
        """What ``pick`` chooses of the unlabelled images by the tasks that decide.

        A class that overrides this may choose by anything, and has no parameter ``task``.
        """
        scores = self.deciding(pool)
        free = np.stack(list(scores.values()), 1)[pool.unlabelled]
        picked = self.pick(free, budget, pool.rng)
        probabilities = self.probabilities(free, picked)
        return Selection(pool.unlabelled[picked], all_tasks(pool, scores), probabilities=probabilities)


class FunctionStrategy(ScoreStrategy):
    """A function from Outputs to ``{task: scores of B images}``, or to a score an image, made a strategy."""

    def __init__(
        self,
        function: Callable[..., Mapping[str, Tensor] | Tensor],
        views: Sequence[str],
        values: Mapping[str, Any],
        kinds: Sequence[Kind] = (),
    ) -> None:
        self.function, self.values = function, dict(values)
        self.views, self.kinds = tuple(views), tuple(kinds)

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Call the function and check that it scored images, by task or each as a whole."""
        scores: object = self.function(outputs, **self.values)
        if hasattr(scores, "shape"):
            scores = per_task(scores, outputs, self.kinds)
        if not isinstance(scores, Mapping):
            raise ValueError(f"scores must be {{task: tensor}} or one tensor, not {type(scores).__name__}")
        names = [task.name for task in outputs.tasks]
        unknown = sorted(map(str, set(scores) - set(names)))
        if unknown or not scores:
            raise ValueError(f"scores must be per task ({', '.join(names)}), not {unknown or 'empty'}")
        for task, score in scores.items():
            _check_score(f"scores of {task}", score, len(outputs.refined[task]))
        return scores


def per_task(score: Any, outputs: Outputs, kinds: Sequence[Kind] = ()) -> dict[str, Tensor]:
    """One score an image (B), whatever the task, as that of every task, or of those of these kinds.

    Raises ValueError where it is not one number an image.
    """
    _check_score("a score that is not by task", score, len(outputs.backbone_features[0]))
    return {task.name: score for task in outputs.tasks if not kinds or task.kind in kinds}


def rows_said(strategy: Strategy, outputs: Outputs) -> Mapping[str, Tensor]:
    """What a strategy measures, as rows by name: a strategy of scores may say one number an image."""
    said: Any = strategy.measure(outputs)
    if isinstance(strategy, ScoreStrategy) and not isinstance(said, Mapping):
        return per_task(said, outputs, strategy.kinds)
    rows: Mapping[str, Tensor] = said
    return rows


def _check_score(what: str, score: Any, images: int) -> None:
    if not hasattr(score, "shape"):
        raise ValueError(f"{what} must be a tensor of one number per image, not {type(score).__name__}")
    if tuple(score.shape) != (images,):
        raise ValueError(f"{what} must be one number per image, not {tuple(score.shape)}")


def about_one_task(make: Callable[..., ScoreStrategy], /, task: str = ALL, **values: Any) -> ScoreStrategy:
    """A strategy of scores of which one task's decides."""
    strategy = make(**values)
    strategy.task = task
    return strategy


def scored_tasks(pool: Pool) -> list[str]:
    """Names of the tasks that have rows. Raises ValueError for none."""
    scored = [task.name for task in pool.tasks if task.name in pool.rows]
    if not scored:
        raise ValueError(f"no score is named after a task ({', '.join(t.name for t in pool.tasks)})")
    return scored


def columns(pool: Pool, names: Sequence[str]) -> Scores:
    """Rows of these names, one number per image each, side by side (N x len(names))."""
    return np.stack(
        [np.asarray(pool.rows[name], np.float64).reshape(len(pool.ids)) for name in names], axis=1
    )


def mean_rank(pool: Pool, scores: Mapping[str, Scores]) -> Scores:
    """How high each unlabelled image stands among them (n), from 0 to 1: its mean rank over these tasks."""
    return np.asarray(normalise(np.stack(list(scores.values()), 1)[pool.unlabelled]).mean(1))


def all_tasks(pool: Pool, scores: Mapping[str, Scores]) -> Scores:
    """Scores of some tasks as the N x T of a Selection; a task without a score gets zeros."""
    nothing = np.zeros(len(pool.ids))
    return np.stack([scores.get(task.name, nothing) for task in pool.tasks], axis=1)
