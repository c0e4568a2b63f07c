"""What single validation images make of a total loss, where a run kept their losses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.records.loss_file import ImageLosses
from benchmark.records.round_store import Round, Store


class Place(NamedTuple):
    """Which round."""

    dataset: str
    strategy: str
    seed: int
    labelled: int


@dataclass(frozen=True, eq=False)
class ImageTotals:
    """A total loss image by image: N ``values`` whose mean it is; ``ids`` tells which images."""

    values: NDArray[np.float64]
    ids: str


def kept_totals(store: Store, rounds: Iterable[Round]) -> Mapping[Place, ImageTotals]:
    """Those of the rounds that have any. A file that is not what was written is told and left out."""
    found = {Place(r.dataset, r.strategy, r.seed, r.size): store.losses_of(r) for r in rounds}
    return {place: totals(losses) for place, losses in found.items() if losses is not None}


def totals(losses: ImageLosses) -> ImageTotals:
    """The total loss, plus what each image's own losses add to it.

    A task's loss is the mean over the images that have a label for it, a ratio of two sums: an image counts
    by its influence on that ratio (linearised: Cochran 1977, section 6.4), and one without a label by none.
    Where all images have all labels, that is the image's own total loss.
    """
    known = ~np.isnan(losses.table)
    counts = known.sum(0)
    share = np.where(counts, np.asarray(losses.weights) / np.maximum(counts, 1), 0.0)
    table = np.where(known, losses.table.astype(np.float64), 0.0)
    means = table.sum(0) / np.maximum(counts, 1)
    influence = (np.where(known, table - means, 0.0) * share).sum(1) * len(table)
    return ImageTotals(influence + float((means * np.asarray(losses.weights)).sum()), losses.ids)
