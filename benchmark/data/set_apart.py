"""Training images that leave the pool of every strategy: an oracle judges by them, and nothing else does.

All strategies of a study then have one pool, the oracle's too: what it could win is what they could. And the
images that a study evaluates on stay unread by what chooses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.development import Part
from benchmark.errors import UserError

#: So many runs of images, evenly over the list: like all of it, and with few neighbours in the pool.
RUNS = 10


def with_images_set_apart(dataset: MultiTaskDataset, share: float) -> MultiTaskDataset:
    """The same data set, about a ``share`` of its training images in ``apart`` and the others as its pool.

    In runs of neighbours, for training lists keep frames of one scene together: drawn one by one, nearly
    every image would have a neighbour in the pool. Where groups of images are known, it is a share of the
    groups, and each stays whole. Raises UserError where a side would be empty.
    """
    ids = dataset.train.ids
    groups = in_groups(ids, dataset.groups or {})
    runs = runs_apart(len(groups), round(share * len(groups)))
    apart = sorted(position for group in runs for position in groups[group])
    pool = sorted(set(range(len(ids))) - set(apart))
    if not apart or not pool:
        raise UserError(f"oracle_split: {share:g} of {len(ids)} training images leaves none on one side.")
    said = f"{len(apart)} training images are in no pool: an oracle judges by them"
    return replace(
        dataset,
        train=Part(dataset.train, pool),
        apart=Part(dataset.train, apart),
        digest=hashlib.sha256(f"{dataset.digest}\napart {json.dumps(apart)}".encode()).hexdigest(),
        facts={**dataset.facts, "oracle_split": said},
    )


def in_groups(ids: Sequence[str], groups: Mapping[str, str]) -> list[list[int]]:
    """Positions of the images of each group, in the order of the list; an image without one is by itself."""
    found: dict[tuple[str, bool], list[int]] = {}
    for position, image in enumerate(ids):
        found.setdefault((groups.get(image, image), image in groups), []).append(position)
    return list(found.values())


def runs_apart(count: int, held: int) -> list[int]:
    """Rising places of ``held`` of ``count`` things: the last ones of each of some nearly equal stretches."""
    runs = max(1, min(RUNS, held))
    taken, left = ([many * run // runs for run in range(runs + 1)] for many in (held, count - held))
    # A stretch ends where so many have been taken and so many left: no run is longer than its stretch.
    ends = [one + other for one, other in zip(taken, left, strict=True)][1:]
    lengths = [after - before for before, after in pairwise(taken)]
    return [place for end, length in zip(ends, lengths, strict=True) for place in range(end - length, end)]
