"""Which classes an image shows, and which of them are rare in a pool: one rule for all who ask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strategies.interface import Positions, Scores

#: Of an image's labelled pixels: fewer do not show a class.
SHOWN = 0.005
#: Of the images that have a label: a class that fewer of them show is rare.
RARE = 0.1


def shown(shares: Scores) -> NDArray[np.bool_]:
    """Which image shows which class, by shares of its labelled pixels (N x C; NaN: no label, shows none)."""
    return np.nan_to_num(shares) > SHOWN


def rare_classes(shares: Scores) -> Positions:
    """Classes, in order, that some of N images show, and under a tenth of those that have a label (N x C)."""
    images, labelled = shown(shares).sum(0), (~np.isnan(shares).any(1)).sum()
    return np.flatnonzero((images > 0) & (images < RARE * labelled)).astype(np.int64)
