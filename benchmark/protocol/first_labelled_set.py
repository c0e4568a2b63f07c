"""The first labelled set of a seed, which all strategies share, and larger random sets that it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.random_streams import Streams
from strategies.interface import Positions
from strategies.labels_bought import Pairs


def random_set(ids: Sequence[str], streams: Streams, count: int) -> Positions:
    """Positions of so many random images, in the order of the draw: those of fewer are the first of them.

    Drawn in the order of ids, so that the order in which a pool lies on a disk changes nothing.
    """
    by_id = in_order(ids)
    # The beginnings of one permutation, so that a larger set holds the smaller ones.
    return by_id[streams.numpy("first set").permutation(len(by_id))[:count]]


def turns_of_tasks(ids: Sequence[str], tasks: int, streams: Streams) -> Pairs:
    """All labels of a pool in a random order: one of each image, the tasks taking turns, then a second ...

    So no task is left out of the first set, and its images are as many as can be: the one label an image of
    Li, Liu & Bilen, "Learning Multiple Dense Prediction Tasks from Partially Annotated Data", CVPR 2022.
    """
    images = random_set(ids, streams, len(ids))
    turn = streams.apart("first labels").numpy("first set").permutation(tasks)
    place = np.arange(len(images))
    which = [turn[(place + lap) % tasks] for lap in range(tasks)]
    return Pairs(np.tile(images, tasks), np.concatenate(which).astype(np.int64))


def in_order(ids: Sequence[str]) -> Positions:
    """The positions of images in the order of their ids."""
    return np.argsort(np.array(ids), kind="stable").astype(np.int64)
