"""Random streams named by their parts, and quick scalar draws from one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 256


def stream(*parts: object) -> np.random.Generator:
    """The generator that belongs to a name: equal parts, equal stream, whatever else was drawn."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


class Draws:
    """Scalar draws out of blocks: a scene takes hundreds, and a call into NumPy for each is too slow."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._block: list[float] = []

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        if not self._block:
            self._block = self._generator.random(_BLOCK).tolist()
        return self._block.pop()

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def around_zero(self, reach: float) -> float:
        """Triangular in (-reach, reach), most often near zero."""
        return reach * (self.unit() - self.unit())

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def integer(self, low: int, high: int) -> int:
        """Uniform in low..high, both included."""
        return low + int((high - low + 1) * self.unit())

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(len(options) * self.unit())]

    def pick_weighted(self, options: Sequence[tuple[T, float]]) -> T:
        """One of the (option, weight) pairs' options; the weights need not add up to one."""
        left = self.unit() * sum(weight for _, weight in options)
        for option, weight in options:
            left -= weight
            if left < 0:
                return option
        return options[-1][0]
