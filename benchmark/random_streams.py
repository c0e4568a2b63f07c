"""Named random streams: every stream is derived by hash from what it is for, and never shared.

So a strategy that draws more numbers, or a companion that is trained beside the network, changes nothing
else, and a resumed run needs no saved random state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Purpose = Literal["first set", "weights", "batches", "augmentation", "strategy", "companion"]


@dataclass(frozen=True)
class Streams:
    """The streams of one round of one seed on one data set, the same for every strategy."""

    dataset: str
    seed: int
    round: int

    def seed_of(self, purpose: Purpose) -> int:
        """A 63-bit seed for this purpose."""
        name = f"{self.dataset}\0{self.seed}\0{self.round}\0{purpose}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1

    def numpy(self, purpose: Purpose) -> np.random.Generator:
        """A NumPy generator for this purpose, at its beginning."""
        return np.random.default_rng(self.seed_of(purpose))

    def apart(self, what: str) -> Streams:
        """Those of another work in the same round, which shares none of them."""
        return replace(self, dataset=f"{self.dataset}\0{what}")

    def of_image(self, what: str, image: str) -> np.random.Generator:
        """A NumPy generator of one image of the pool, whatever the batch in which it is looked at."""
        name = f"{self.dataset}\0{self.seed}\0{self.round}\0{what}\0{image}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))

    def torch(self, purpose: Purpose) -> torch.Generator:
        """A torch generator on the CPU for this purpose, at its beginning."""
        import torch

        return torch.Generator().manual_seed(self.seed_of(purpose))


@contextmanager
def global_torch_stream(seed: int) -> Iterator[None]:
    """Let torch's global generators start from ``seed`` inside the block, and put them back after it."""
    import torch

    # Never wake the GPUs for a run on the CPU; naming them all keeps torch from warning of many.
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(gpus):
        torch.random.manual_seed(seed)
        yield
