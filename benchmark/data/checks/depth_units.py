"""Whether numbers can be metres, the unit of every depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Rooms end before 10 m and what a car's laser measures before 100 m, while millimetres are over 100 for
#: everything more than a hand's breadth away.
FAR = 100.0
#: Cameras stand farther than a centimetre from what they show, and kilometres of rooms are below it.
NEAR = 0.01


def not_metres(depth: NDArray[Any]) -> str | None:
    """Why a depth map (H x W, NaN not measured) cannot be metres: the rest of a sentence, or None.

    That is a negative distance, or more than half of the measured pixels beyond ``FAR`` or before ``NEAR``.
    """
    half = np.count_nonzero(np.isfinite(depth)) / 2
    if (depth < 0).any():
        return f"has a distance of {np.nanmin(depth):g}, and metres are 0 or more"
    if np.count_nonzero(depth > FAR) > half:
        return f"has a median depth of {np.nanmedian(depth):g}, and should hold metres (not millimetres)"
    if np.count_nonzero(depth < NEAR) > half:
        return f"has a median depth of {np.nanmedian(depth):g}, and should hold metres (not kilometres)"
    return None
