"""Ask a strategy for a selection and check what it says, the same way everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.interface import Pool, Positions, Scores, Selection, Strategy
from strategies.labels_bought import affordable

WHOLE = (
    "asks for some tasks' labels only, and whole images are what it buys: leave Selection.tasks out, or set "
    "partial = True"
)

#: A probability is a sum of shares, of which the last image's may be a last digit over 1.
ROUNDING = 1e-9


class BrokenSelectionError(ValueError):
    """A strategy broke the contract; the sentence names it and says how."""


def choose(strategy: Strategy, name: str, pool: Pool, budget: int) -> Selection:
    """The strategy's selection of ``budget`` unlabelled images, or of labels for ``pool.budget``, checked.

    The strategy is shown the pool sorted by id, so that none can depend on the pool's order.

    Raises BrokenSelectionError for anything but a Selection, and for one of the wrong size or over the
    budget, out of range, labelled already, with repetitions, with scores that are not finite, for the labels
    of some tasks only by a strategy that is not ``partial``, or with probabilities that are none.
    """
    order = np.array(sorted(range(len(pool.ids)), key=pool.ids.__getitem__), dtype=np.int64)
    selection: object = strategy.select(pool.at(order), budget)
    if not isinstance(selection, Selection):
        raise BrokenSelectionError(f"Strategy {name!r} returned {type(selection).__name__}, not a Selection.")
    _check(selection, name, pool.at(order), None if strategy.partial else budget)
    indices = order[np.asarray(selection.indices)]
    likely = None if selection.probabilities is None else np.minimum(selection.probabilities, 1.0)
    return replace(selection, indices=indices, scores=_back(selection.scores, order), probabilities=likely)


def _back(scores: Scores | None, order: Positions) -> Scores | None:
    if scores is None:
        return None
    original = np.empty_like(scores, dtype=np.float64)
    original[order] = scores
    return original


def _check(selection: Selection, name: str, pool: Pool, budget: int | None) -> None:
    """Raise for a selection of whole images, ``budget`` of them, or of labels by themselves (None)."""
    problems = [_indices_problem, _labels_problem, _extras_problem]
    if problem := next(filter(None, (find(selection, pool, budget) for find in problems)), ""):
        raise BrokenSelectionError(f"Strategy {name!r} {problem}.")


def _indices_problem(selection: Selection, pool: Pool, budget: int | None) -> str:
    indices = np.asarray(selection.indices)
    wanted = indices.shape[:1] if budget is None else (budget,)
    if indices.ndim != 1 or indices.shape != wanted or not np.issubdtype(indices.dtype, np.integer):
        count = "some" if budget is None else budget
        return f"chose an array of shape {indices.shape} and type {indices.dtype}, not {count} positions"
    if len(np.unique(indices)) < len(indices):
        return "chose an image twice"
    if not np.isin(indices, np.concatenate([pool.unlabelled, pool.labelled])).all():
        return f"chose a position outside the pool of {len(pool.ids)} images"
    if not np.isin(indices, pool.unlabelled).all():
        return "chose an image that is labelled already"
    return ""


def _labels_problem(selection: Selection, pool: Pool, budget: int | None) -> str:
    tasks, shape = selection.tasks, (len(selection.indices), len(pool.tasks))
    if tasks is not None and (np.shape(tasks) != shape or np.asarray(tasks).dtype != np.bool_):
        return f"gave a task mask that is not boolean of shape {shape}"
    if budget is not None:
        return "" if tasks is None or np.all(tasks) else WHOLE
    missing = ~pool.bought[selection.indices]
    wanted = missing if tasks is None else tasks
    if not wanted.any(1).all():
        return "chose an image and none of its labels"
    if (wanted & ~missing).any():
        return "asks for a label that was bought already"
    price = float(pool.costs[selection.indices][wanted].sum())
    if not affordable(price, pool.budget):
        return f"chose labels for {price:.6g}, and the budget is {pool.budget:.6g}"
    return ""


def _extras_problem(selection: Selection, pool: Pool, budget: int | None) -> str:
    scores, likely = selection.scores, selection.probabilities
    shape = (len(pool.ids), len(pool.tasks))
    if scores is not None and np.shape(scores) != shape:
        return f"gave scores of shape {np.shape(scores)}, not {shape} (images x tasks)"
    if scores is not None and not np.isfinite(scores).all():
        return "gave scores that are not finite"
    if likely is not None and budget is None:
        return "gave probabilities, which are of images that are bought whole"
    if not _are_probabilities(likely, len(selection.indices)):
        return f"gave probabilities that are not {budget} numbers over 0 and at most 1"
    wrong = [f"{name}={value!r}" for name, value in selection.notes.items() if not _is_number(value)]
    if wrong:
        return f"noted {wrong[0]}, and notes are finite numbers by name"
    return ""


def _are_probabilities(values: Scores | None, budget: int) -> bool:
    if values is None:
        return True
    return np.shape(values) == (budget,) and bool(
        ((np.asarray(values) > 0) & (np.asarray(values) <= 1 + ROUNDING)).all()
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and bool(np.isfinite(value))
