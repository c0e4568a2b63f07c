"""Where things are kept that can be computed again: outside the data and outside the results."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """MTAL_CACHE, or ``mtal`` in the user's cache folder."""
    if chosen := os.environ.get("MTAL_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "mtal"
