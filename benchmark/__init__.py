# Part of mtal-benchmark.
"""Active learning for multi-task dense prediction: run a study, load one, compare what it holds.

The command line `mtal` does the same by the same functions. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.api.comparison import Comparison, compare
    from benchmark.api.running import run
    from benchmark.api.study import Study, load
    from benchmark.api.sweeping import Sweep, load_sweep

__all__ = ["Comparison", "Study", "Sweep", "compare", "load", "load_sweep", "run"]

#: Where each name is.
_HOMES = {
    "Comparison": "comparison",
    "Study": "study",
    "Sweep": "sweeping",
    "compare": "comparison",
    "load": "study",
    "load_sweep": "sweeping",
    "run": "running",
}

if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"benchmark.api.{_HOMES[name]}"), name)

    def __dir__():
        return sorted({*globals(), *__all__})
