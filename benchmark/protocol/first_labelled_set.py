"""The first labelled set of a seed, which all strategies share, and larger random sets that it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.random_streams import Streams
from strategies.interface import Positions


def random_set(ids: Sequence[str], streams: Streams, count: int) -> Positions:
    """Positions of so many random images, in the order of the draw: those of fewer are the first of them.

    Drawn in the order of ids, so that the order in which a pool lies on a disk changes nothing.
    """
    by_id = in_order(ids)
    # The beginnings of one permutation, so that a larger set holds the smaller ones.
    return by_id[streams.numpy("first set").permutation(len(by_id))[:count]]


def in_order(ids: Sequence[str]) -> Positions:
    """The positions of images in the order of their ids."""
    return np.argsort(np.array(ids), kind="stable").astype(np.int64)
