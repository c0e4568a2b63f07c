"""What a trajectory has bought so far: which labels, how each ranked, and how likely it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmark.protocol.bench import Bench
from benchmark.protocol.prices import ALIKE
from benchmark.records.round_store import Round
from strategies.interface import Draws, Labels, Positions, Scores, Selection
from strategies.score_normalisation import ranks


@dataclass(frozen=True)
class History:
    """Positions of the images with a label, in order of choice, and which labels of the pool these are.

    ``bought`` (N x T) are all labels there are. ``ranks`` (L x T) are in 0..1 among the labels that could be
    chosen for the task in that round, highest score at 1: raw scores of different rounds are of different
    networks, and would tell when an image was bought. NaN where no score chose: in the first set, after a
    round without scores, and for labels that are not there. ``probabilities`` (L) are those of the draws, NaN
    where none is known.
    """

    positions: Positions
    bought: Labels
    ranks: Scores
    probabilities: Scores

    @property
    def draws(self) -> Draws:
        """How likely each was, among as many images as were left."""
        labelled, pool = len(self.positions), len(self.bought)
        return Draws(self.probabilities, pool - np.arange(labelled), pool - labelled)

    @property
    def whole(self) -> Positions:
        """Those of the images that have all labels."""
        return self.positions[self.bought[self.positions].all(1)]

    @property
    def mask(self) -> Labels | None:
        """All labels of the pool that are there (N x T); None where every image with one has all."""
        return None if len(self.whole) == len(self.positions) else self.bought

    @classmethod
    def first(cls, bench: Bench, seed: int) -> History:
        """The first labelled set of a seed."""
        positions, labels = bench.first_labels(seed)
        if labels is None:
            labels = np.zeros(bench.costs.shape, np.bool_)
            labels[positions] = True
        return cls(positions, labels, *_unknown(len(positions), labels.shape[1]))

    def after(self, done: Round, bench: Bench) -> History:
        """With this round's selection labelled."""
        chosen = np.array([bench.position_of[image] for image in done.selected], dtype=np.int64)
        wanted = _mask_of(done, bench)
        fresh = ~np.isin(chosen, self.positions)
        bought = self.bought.copy()
        bought[chosen] |= wanted
        more = _unknown(int(fresh.sum()), wanted.shape[1])
        grown = History(
            np.concatenate([self.positions, chosen[fresh]]),
            bought,
            np.concatenate([self.ranks, more[0]]),
            np.concatenate([self.probabilities, more[1]]),
        )
        return grown._told(done, chosen, wanted, self.bought)

    def _told(self, done: Round, chosen: Positions, wanted: Labels, before: Labels) -> History:
        """With ranks and probabilities of what was chosen, among the labels that were not there before."""
        place = np.empty(len(self.bought), np.int64)
        place[self.positions] = np.arange(len(self.positions))
        ranked, likely = self.ranks.copy(), self.probabilities.copy()
        if done.scores is not None:
            new = _ranked(chosen, np.array(done.scores, np.float64), before)
            ranked[place[chosen]] = np.where(wanted, new, ranked[place[chosen]])
        if done.probabilities is not None:
            likely[place[chosen]] = done.probabilities
        return replace(self, ranks=ranked, probabilities=likely)

    def spent(self, bench: Bench) -> float:
        """What all labels cost together, in whole images' worth."""
        price = float(bench.costs[self.bought].sum())
        whole = round(price)
        # A price that is added up from many is off in its last digits, and images are counted.
        return whole if abs(price - whole) < 1e-6 else price

    def labels(self, bench: Bench) -> tuple[tuple[str, ...], ...] | None:
        """By labelled image the names of the tasks whose labels are there; None where all are whole."""
        return None if self.mask is None else _names(self.bought[self.positions], bench)

    def wanted(self, selection: Selection, bench: Bench) -> tuple[tuple[str, ...], ...] | None:
        """By selected image the names of the tasks whose labels are bought; None where all are whole."""
        missing = ~self.bought[selection.indices]
        tasks = missing if selection.tasks is None else selection.tasks
        return None if tasks.all() else _names(tasks, bench)

    def priced(self, done: Round, bench: Bench) -> Round:
        """The record with what was bought for which price, unless it is so many images at one price."""
        budget, alike = bench.counts[done.round], np.ptp(bench.costs, 0).max() < ALIKE
        if alike and self.mask is None and len(self.positions) == budget:
            return done
        each = (bench.costs * self.bought).sum(0).tolist()
        spent = {task.name: price for task, price in zip(bench.dataset.tasks, each, strict=True)}
        return replace(done, labels=self.labels(bench), budget=budget, spent=spent)


def _unknown(count: int, tasks: int) -> tuple[Scores, Scores]:
    """Ranks and probabilities of images of which nothing is known."""
    return np.full((count, tasks), np.nan), np.full(count, np.nan)


def _ranked(chosen: Positions, scores: Scores, before: Labels) -> Scores:
    """Of what was chosen, task by task, among those that could be chosen then; NaN for other labels.

    A label that was there already has a score, and no place.
    """
    ranked = np.full((len(chosen), scores.shape[1]), np.nan)
    for task, there in enumerate(before.T):
        free = np.flatnonzero(~there)
        new = ~there[chosen]
        ranked[new, task] = ranks(scores[free, task])[np.searchsorted(free, chosen[new])]
    return ranked


def _mask_of(done: Round, bench: Bench) -> Labels:
    """The labels that a stored round bought (selected x T)."""
    names = [task.name for task in bench.dataset.tasks]
    if done.selected_labels is None:
        return np.ones((len(done.selected), len(names)), np.bool_)
    return np.array([[name in labels for name in names] for labels in done.selected_labels], np.bool_)


def _names(labels: Labels, bench: Bench) -> tuple[tuple[str, ...], ...]:
    names = [task.name for task in bench.dataset.tasks]
    return tuple(
        tuple(name for name, there in zip(names, row, strict=True) if there) for row in labels.tolist()
    )
