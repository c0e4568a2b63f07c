"""A development split: the last of the training images stand for the validation images, which are not read.

Whatever is chosen by results (a recipe, a default, a preset that passes its gate) is chosen here, so that the
official validation images have never been looked at before a study evaluates on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmark.data.dataset import MultiTaskDataset, Sample, Split
from benchmark.errors import UserError


@dataclass(frozen=True)
class Part:
    """Some images of a split, in its order."""

    whole: Split
    positions: Sequence[int]

    @property
    def ids(self) -> tuple[str, ...]:
        """Theirs alone."""
        ids = self.whole.ids
        return tuple(ids[position] for position in self.positions)

    def __getitem__(self, position: int) -> Sample:
        """One sample; raises IndexError outside 0..len - 1."""
        if not 0 <= position < len(self.positions):
            raise IndexError(f"position {position} is outside the {len(self.positions)} images")
        return self.whole[self.positions[position]]


def with_development_split(dataset: MultiTaskDataset, share: float) -> MultiTaskDataset:
    """The same data set, the last ``share`` of its training images to evaluate on, the others as its pool.

    In the order of the training list, which keeps frames of one scene or drive together: drawn at random,
    neighbours of most validation images would be in the pool. Raises UserError where a side would be empty.
    """
    count = len(dataset.train.ids)
    held = round(share * count)
    if not 0 < held < count:
        raise UserError(f"development: {share:g} of {count} training images leaves none on one side.")
    pool, val = range(count - held), range(count - held, count)
    return replace(
        dataset,
        train=Part(dataset.train, pool),
        val=Part(dataset.train, val),
        digest=hashlib.sha256(f"{dataset.digest}\ndevelopment {held}".encode()).hexdigest(),
        facts={**dataset.facts, "development": f"the last {held} training images stand for validation"},
    )
