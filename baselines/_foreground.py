"""Which classes an image shows by its predictions, and which of them are foreground.

No task says which of its classes is background. The "no" of a task of yes and no is. Of several classes it is
taken to be the one that covers most of the whole pool by the predictions: the background of PASCAL-Context
and of human parts; where data have none, as NYUD-v2, a class that hardly an image lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from baselines._probabilities import discrete, probabilities
from strategies import Outputs, Pool
from strategies.interface import Positions, Scores, TaskSpec

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = ".shown "  # before a task's name, and no name of a task begins so


def classes_predicted(outputs: Outputs) -> Mapping[str, Tensor]:
    """The share of an image that each class of a discrete task covers: mean probabilities (B x C a task)."""
    refined = outputs.refined
    return {SHOWN + name: probabilities(refined[name]).mean((2, 3)) for name in discrete(outputs.tasks)}


def foreground_classes(task: TaskSpec, shown: NDArray[Any]) -> Positions:
    """All classes but the background, from what the N images of a pool show (N x C); an only class is one."""
    if shown.shape[1] == 1:
        return np.zeros(1, np.int64)
    background = 0 if task.kind == "binary" else int(shown.sum(0, dtype=np.float64).argmax())
    return np.delete(np.arange(shown.shape[1]), background)


def foreground_shares(pool: Pool) -> Scores:
    """The share of every image that is foreground by the predictions (N x T', one column a discrete task)."""
    shown = {task: pool.rows[SHOWN + task.name] for task in pool.tasks if SHOWN + task.name in pool.rows}
    columns = [
        shares[:, foreground_classes(task, shares)].sum(1, dtype=np.float64) for task, shares in shown.items()
    ]
    return np.stack(columns, 1)
