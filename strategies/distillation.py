"""The vectors of all tasks distilled into one, by an auto-encoder that is trained on the pool itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from strategies.isolated_training import apart

WANTED = 0.9  # explained share at which training ends
STEPS, BATCH, LEARNING_RATE = 2000, 64, 5e-3
HIDDEN = 256  # widest hidden layer
CHECK, LOOK = 50, 1024  # steps between two looks at what is explained, and images of a look
PATIENCE, GAIN = 6, 0.01  # looks after which at least so much more must be explained
ROWS = 4096  # images of one pass, so that no temporary is as large as the pool
ALIKE = 1e-6  # a constant that loses less is told from the vectors by rounding only
DECIMALS = 9  # equal rows of a matrix product may differ in their last bits


def distilled(
    vectors: Sequence[NDArray[Any]], dimensions: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """One vector per image from which those of T tasks (N x d_t each, of length 1 or 0) can be given back.

    An auto-encoder is trained on mini-batches until its bottleneck explains 0.9 of them, for 2,000 steps at
    most and no longer than 300 of them bring another 0.01.
    The loss of an image is the sum over tasks of 1 - cosine between the task's vector and what is given back.
    The bottleneck has ``dimensions`` values, but at most half as many as go in: one as wide as its input
    would have nothing to distil. All randomness is drawn from ``rng``, and weights are in float64, so that
    last bits, which differ between machines, do not decide who is chosen.

    Returns:
        The bottleneck (N x d), and the share that it explains: 1 - loss / loss of the best constant, over all
        images; 1 where these are all alike.
    """
    pool = _Pool([torch.from_numpy(np.ascontiguousarray(each)) for each in vectors])
    with apart(rng):
        coder = AutoEncoder(pool, min(dimensions, max(pool.mean.numel() // 2, 1)))
        explained = _trained(coder, pool)
        with torch.no_grad():
            parts = [coder(batch).round(decimals=DECIMALS) for batch in pool.in_order()]
    return torch.cat(parts).numpy(), explained


class _Pool:
    """The tasks' vectors of N images, side by side a batch at a time, in float64."""

    def __init__(self, vectors: Sequence[Tensor]) -> None:
        self.vectors, self.count = vectors, len(vectors[0])
        self.widths = [each.shape[1] for each in vectors]
        self.mean = torch.stack([batch.sum(0) for batch in self.in_order()]).sum(0) / self.count
        squared = sum(float((batch - self.mean).square().sum()) for batch in self.in_order())
        self.spread = max(squared / self.mean.numel() / self.count, 1e-18) ** 0.5
        #: Loss of the best constant: the direction of the mean, whose mean cosine is the mean's length.
        lengths = torch.stack([self._lengths(batch).sum() for batch in self.in_order()]).sum() / self.count
        self.constant = float(lengths - self._lengths(self.mean).sum())

    def batch(self, images: Tensor | slice) -> Tensor:
        return torch.cat([each[images].double() for each in self.vectors], 1)

    def loss(self, back: Tensor, batch: Tensor) -> Tensor:
        """Mean over images of the sum over tasks of 1 - cosine; 0 where a task's vector is."""
        pairs = zip(_split(back, self.widths), _split(batch, self.widths), strict=True)
        cosines = torch.stack([F.cosine_similarity(given, wanted, dim=1) for given, wanted in pairs], 1)
        return (self._lengths(batch) - cosines).sum(1).mean()

    def _lengths(self, batch: Tensor) -> Tensor:
        return torch.stack([part.norm(dim=-1) for part in _split(batch, self.widths)], -1)

    def in_order(self) -> Iterator[Tensor]:
        return (self.batch(slice(at, at + ROWS)) for at in range(0, self.count, ROWS))


class AutoEncoder(nn.Module):
    """A bottleneck (B x d) that has to give back every task's vector; untrained, about their mean."""

    def __init__(self, pool: _Pool, dimensions: int) -> None:
        super().__init__()
        self.pool, width = pool, pool.mean.numel()
        hidden = max(dimensions, min(width // 2, HIDDEN))
        self.encoder = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, dimensions))
        self.decoder = nn.Linear(dimensions, width)  # side by side, one of each task
        self.double()

    def forward(self, batch: Tensor) -> Tensor:
        """The bottleneck."""
        bottleneck: Tensor = self.encoder((batch - self.pool.mean) / self.pool.spread)
        return bottleneck

    def loss(self, batch: Tensor) -> Tensor:
        """Mean over images of the sum over tasks of 1 - cosine."""
        back = self.pool.mean + self.pool.spread * self.decoder(self(batch))
        return self.pool.loss(back, batch)


def _split(values: Tensor, widths: list[int]) -> tuple[Tensor, ...]:
    """The tasks' parts of the last dimension."""
    return torch.split(values, widths, dim=-1)


def _trained(coder: AutoEncoder, pool: _Pool) -> float:
    """Train until enough is explained, and say how much is."""
    optimiser = torch.optim.Adam(coder.parameters(), LEARNING_RATE)
    look = pool.batch(torch.randperm(pool.count)[:LOOK])
    shares: list[float] = []
    for step in range(STEPS):
        if step % CHECK == 0:
            shares.append(_explained(coder, pool, [look]))
            if shares[-1] >= WANTED and (explained := _explained(coder, pool, pool.in_order())) >= WANTED:
                return explained
            if _stalled(shares):
                break
        loss = coder.loss(pool.batch(torch.randint(pool.count, (BATCH,)))) / pool.constant
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return _explained(coder, pool, pool.in_order())


def _stalled(shares: Sequence[float]) -> bool:
    """Whether nothing is to be won by going on: some pools cannot be compressed as far as is wanted."""
    return len(shares) > PATIENCE and shares[-1] - shares[-1 - PATIENCE] < GAIN


@torch.no_grad()
def _explained(coder: AutoEncoder, pool: _Pool, batches: Iterator[Tensor] | Sequence[Tensor]) -> float:
    if pool.constant < ALIKE:
        return 1.0
    losses = [(float(coder.loss(batch)) * len(batch), len(batch)) for batch in batches]
    return 1 - sum(loss for loss, _ in losses) / sum(count for _, count in losses) / pool.constant
