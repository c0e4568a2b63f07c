"""Thinning of masks to lines of one pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def thinned(mask: Mask) -> Mask:
    """The lines that are left (H x W) when no pixel can be taken without breaking or shortening one.

    Lam, Lee & Suen 1992; what MATLAB calls ``bwmorph(.., 'thin', inf)``.
    """
    from skimage.morphology import thin

    lines: Mask = thin(mask)  # type: ignore[no-untyped-call]  # scikit-image has few types
    return lines
