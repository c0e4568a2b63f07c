"""A strategy that is another one but for its choice: all else is what that one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from strategies.interface import (
    Companion,
    Draws,
    LabelledCompanion,
    Outputs,
    Pool,
    Positions,
    Scores,
    Selection,
    Shapes,
    Strategy,
    TaskSpec,
)
from strategies.scoring import ScoreStrategy, all_tasks, rows_said

if TYPE_CHECKING:
    from torch import Tensor


Base = TypeVar("Base", bound=Strategy)


class Wrapper(Strategy, Generic[Base]):
    """A base strategy, all of it but what a subclass changes: as a rule, how it is asked for its choice."""

    base: Base

    def __init__(self, base: Base) -> None:
        self.follow(base)

    def follow(self, base: Base) -> None:
        """Take this one as base: what it wants to see is asked for, and what it refuses is refused."""
        self.base, self.views, self.required = base, base.views, base.required
        self.reference, self.knows, self.judgements = base.reference, base.knows, base.judgements
        self.frozen_trunk = base.frozen_trunk
        if base.partial:
            raise ValueError(
                "the base buys labels by themselves, and is asked here for whole images: wrap the other way "
                "round, as in partial[base=...]"
            )

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Whatever the base refuses."""
        self.base.check(tasks)

    def companion(self, shapes: Shapes) -> Companion | LabelledCompanion | None:
        """That of the base."""
        return self.base.companion(shapes)

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What the base measures."""
        return rows_said(self.base, outputs)

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where the base looked."""
        return self.base.maps(outputs)

    def loss_weights(self, ranks: Scores) -> Scores | None:
        """Those of the base."""
        return self.base.loss_weights(ranks)

    def draw_weights(self, draws: Draws) -> Scores | None:
        """Those of the base."""
        return self.base.draw_weights(draws)

    def state_dict(self) -> dict[str, Any]:
        """The base's memory."""
        return self.base.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The base's memory."""
        self.base.load_state_dict(state)


def chosen_among(strategy: Strategy, pool: Pool, some: Positions, budget: int) -> Selection:
    """What a strategy chooses of these unlabelled images, when it sees no others but the labelled ones.

    Its scores are of all images of the pool, if it has any. Those of a strategy that is scores are its own;
    of another one, images that it did not see get the scores of the others in turn, which leaves to each of
    these about the rank that it had among them. Probabilities of its draws are left out: they are those among
    the images that it saw.
    """
    there = np.sort(np.concatenate([pool.labelled, some]))
    selection = strategy.select(pool.at(there), budget)
    scores = _of_all(strategy, pool, there, selection.scores)
    return Selection(there[selection.indices], scores, notes=selection.notes)


def check_no_draws(strategy: Strategy, name: str) -> None:
    """Raise ValueError for one that weighs what it draws by how likely that was.

    Of images that not all were shown, the probability among all that are unlabelled is not known.
    """
    if strategy.draw_weights(Draws(np.ones(1), np.ones(1, np.int64), 0)) is not None:
        raise ValueError(
            f"{name} weighs images by how likely each was to be drawn from all that are unlabelled, and "
            "would be shown some of them: leave its weighting out"
        )


def _of_all(strategy: Strategy, pool: Pool, there: Positions, scores: Scores | None) -> Scores | None:
    if scores is None:
        return None
    if isinstance(strategy, ScoreStrategy):
        return all_tasks(pool, strategy.deciding(pool))
    free = np.isin(there, pool.unlabelled)
    whole = np.resize(scores[free], (len(pool.ids), scores.shape[1]))
    whole[there] = scores
    return whole
