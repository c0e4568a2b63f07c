"""Which labels a training has, where they were bought by themselves, and in which batches they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.data.feed import Feed, shuffled
from benchmark.errors import UserError
from strategies.interface import Labels, Positions, Scores


@dataclass(frozen=True)
class KnownLabels:
    """Images to train on, by position, and which of their labels there are (L x T; None: they are whole).

    A label that was bought and that the data do not have is none.
    """

    positions: Positions
    labels: Labels | None = None
    #: Places of the images among those that were asked for, which may have none of the labels bought.
    places: Positions | None = None

    @classmethod
    def of(cls, feed: Feed, positions: Positions) -> KnownLabels:
        """What a feed has of these images; of labels bought by themselves, the images with at least one.

        Raises UserError where there is none.
        """
        if feed.bought is None:
            return cls(positions)
        labels = feed.labelled(positions)
        places = np.flatnonzero(labels.any(1))
        if not len(places):
            raise UserError("None of the labels that were bought is in the data: nothing can be trained.")
        return cls(positions[places], labels[places], places)

    def weights(self, weights: Scores | None) -> Scores | None:
        """Loss weights (L x T) of the images that are trained on, of those of all that were asked for."""
        return weights if weights is None or self.places is None else weights[self.places]

    def expected(self, size: int) -> Scores | None:
        """How many of a batch of this size have a label for each task, on average (T); None: all or none."""
        if self.labels is None:
            return None
        share = self.labels.mean(0)
        # A task without any label has a sum of 0, whatever it is divided by.
        return np.where(share > 0, size * share, 1.0)

    def batches(self, size: int, count: int, rng: np.random.Generator) -> Iterator[Positions]:
        """``count`` batches of places: in random order or, if a task is rare, with its labels spread evenly.

        Rare is a task of which a batch has less than one label on average.
        """
        expected = self.expected(size)
        if self.labels is None or expected is None or (expected >= 1).all():
            return shuffled(len(self.positions), size, count, rng)
        return spread(self.labels, size, count, rng)


def spread(labels: Labels, size: int, batches: int, rng: np.random.Generator) -> Iterator[Positions]:
    """Full batches of places, one order of all images after another, alike images at even distances.

    Alike are images with labels for the same tasks (L x T). Every image comes once in an order, as in one
    that is random.
    """
    alike = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    order = np.concatenate([_evenly(alike, rng) for _ in range(-(-batches * size // len(labels)))])
    return (order[start : start + size] for start in range(0, batches * size, size))


def _evenly(alike: Positions, rng: np.random.Generator) -> Positions:
    """A random order of all places in which those of a group follow each other at even distances."""
    when = np.empty(len(alike))
    for group in range(alike.max() + 1):
        members = rng.permutation(np.flatnonzero(alike == group))
        when[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(when, kind="stable").astype(np.int64)
