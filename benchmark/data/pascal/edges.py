"""Edges of PASCAL: boundaries between Context classes, thinned; slow enough to be kept outside the data."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.files.bad_file import BadFile
from benchmark.data.files.pictures import read_image
from benchmark.records.round_store import write_atomically
from benchmark.tasks.edge_metrics.thinning import thinned

VERSION = "laplace-thin-1"  # another rule is another name, so that maps of the old one are never used


def label_edges(label_map: NDArray[np.int32]) -> NDArray[np.uint8]:
    """1 where the Laplacian of the class ids is not zero, thinned to lines (H x W), 0 elsewhere."""
    from scipy.ndimage import laplace

    return thinned(laplace(label_map, mode="mirror") != 0).astype(np.uint8)


class EdgeCache:
    """Edge maps as PNG files, named by the content that they were computed from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / VERSION

    def edges(self, data: bytes, label_map: NDArray[np.int32]) -> NDArray[np.uint8]:
        """The edges of an annotation file, given as bytes and decoded; computed if they are not kept."""
        path = self._path(data)
        kept = _kept(path)
        if kept is None or kept.shape != label_map.shape:
            kept = label_edges(label_map)
            _keep(path, kept)
        return kept

    def has(self, data: bytes) -> bool:
        """Whether there is a file for these bytes."""
        return self._path(data).is_file()

    def is_writable(self) -> bool:
        """Whether maps can be kept at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return False
        return os.access(self.folder, os.W_OK)

    def _path(self, data: bytes) -> Path:
        name = hashlib.sha256(data).hexdigest()
        return self.folder / name[:2] / f"{name}.png"


def _kept(path: Path) -> NDArray[np.uint8] | None:
    """What is kept, or None for a file that is not there or is damaged."""
    try:
        return (read_image(path.read_bytes())[..., 0] > 0).astype(np.uint8)
    except (OSError, BadFile):
        return None


def _keep(path: Path, edges: NDArray[np.uint8]) -> None:
    """A disk that is full or read-only costs time, nothing else."""
    buffer = io.BytesIO()
    Image.fromarray(edges * 255).convert("1").save(buffer, "PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
    except OSError:
        pass
