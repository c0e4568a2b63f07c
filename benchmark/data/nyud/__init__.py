"""NYUD-v2 as it lies on researchers' disks: four layouts, and one of them as parquet."""

from benchmark.data.nyud.dataset import NyudOptions, open_nyud

__all__ = ["NyudOptions", "open_nyud"]
