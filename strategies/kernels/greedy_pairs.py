"""Labels chosen one after the other, each task with distances of its own: score times distance over price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.labels_bought import Pairs, affordable

Numbers = NDArray[np.float64]
#: Of what is left, whose last digits depend on what was bought before.
SLACK = 1e-9


def greedy_pairs(
    vectors: Sequence[NDArray[Any]],
    bought: NDArray[np.bool_],
    scores: Numbers,
    prices: Numbers,
    budget: float,
    rng: np.random.Generator,
) -> Pairs:
    """Always the label of the highest score * distance / price that is paid by what is left, best first.

    ``vectors`` are a task's features of the N images (N x d), one a task; ``bought``, ``scores`` (0 or more)
    and ``prices`` are N x T. A label's distance is that of its image to the nearest one with a label for the
    same task, those chosen before it included, over the root mean square distance of the task's images from
    their mean: tasks compare. It is 1 where none has a label for the task. Equal labels fall by the random
    stream. Takes time for one pass over a task's vectors, and over all labels, a label.
    """
    scaled = [_scaled(each) for each in vectors]
    near = np.stack([_nearest(each, there) for each, there in zip(scaled, bought.T, strict=True)], 1)
    value = np.where(bought, -1.0, scores * near / prices)
    tickets, left, chosen = rng.random(value.shape), budget, []
    known = set(np.flatnonzero(bought.any(0)).tolist())  # of which some image has a label
    while (found := _best(value, prices, tickets, left)) is not None:
        image, task = found
        chosen.append(found)
        left -= prices[image, task]
        away = _distances(scaled[task], image)
        near[:, task] = np.minimum(near[:, task], away) if task in known else away
        known.add(task)
        free = value[:, task] >= 0
        value[free, task] = (scores[:, task] * near[:, task] / prices[:, task])[free]
        value[image, task] = -1.0
    images, tasks = np.array(chosen, np.int64).reshape(-1, 2).T
    return Pairs(images, tasks)


def _best(value: Numbers, prices: Numbers, tickets: Numbers, left: float) -> tuple[int, int] | None:
    """The label of the highest value of those that are paid by what is left; None where none is."""
    paid = value if affordable(float(prices.max()), left) else np.where(prices <= left + SLACK, value, -1.0)
    best = paid.max()
    if best < 0:
        return None
    images, tasks = np.nonzero(paid == best)
    first = int(tickets[images, tasks].argmax())
    return int(images[first]), int(tasks[first])


def _scaled(vectors: NDArray[Any]) -> Numbers:
    centred = np.asarray(vectors, np.float64) - np.asarray(vectors, np.float64).mean(0)
    width = float(np.sqrt((centred**2).sum(1).mean()))
    return np.asarray(centred / (width or 1.0))


def _nearest(vectors: Numbers, labelled: NDArray[np.bool_]) -> Numbers:
    """Distances to the nearest image with a label (N), or 1."""
    nearest = np.full(len(vectors), np.inf)
    for image in np.flatnonzero(labelled).tolist():
        nearest = np.minimum(nearest, _distances(vectors, image))
    return nearest if labelled.any() else np.ones(len(vectors))


def _distances(vectors: Numbers, image: int) -> Numbers:
    return np.asarray(np.sqrt(((vectors - vectors[image]) ** 2).sum(1)))
