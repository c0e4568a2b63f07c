"""What tasks share to find the one prediction, the same at every pixel, that fits labels best."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Of each image, so that a set of any size is a few thousand numbers: the median is exact to 1 in 2 x LEVELS.
LEVELS = 512
#: Of the images that all classes alike are taken to be seen in besides; which is best is found out.
SMOOTHING = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


def levels(values: Tensor) -> Tensor:
    """Equally spaced quantiles (LEVELS) of P numbers, one or more: by them every image counts alike."""
    ordered = values.sort().values
    places = (torch.arange(LEVELS, device=values.device) + 0.5) / LEVELS * len(ordered)
    return ordered[places.long()]


def log_frequencies(shares: Tensor) -> Tensor:
    """Logarithms of class frequencies (C) from the shares of N images (N x C): the least cross entropy.

    A class that no image shows would cost an infinite loss elsewhere. So all classes alike are taken to be
    seen in a part of one more image, the part that does best on each image given the others.
    """
    part = min(SMOOTHING, key=lambda one: _left_out(shares, one)) if len(shares) > 1 else SMOOTHING[0]
    return _smoothed(shares.sum(0), len(shares), part).log()


def direction(values: Tensor) -> Tensor:
    """The unit vector (3) of the least mean absolute difference to vectors given by channel (3 x P)."""
    pooled = torch.stack([levels(channel) for channel in values.double()])
    best, reach = _nearest(_sphere(2000).to(pooled), pooled), 0.1
    while reach > 1e-4:
        around = torch.cat([best + reach * _sphere(60).to(pooled), best[None]])
        best, reach = _nearest(around / around.norm(dim=1, keepdim=True), pooled), 0.7 * reach
    return best


def _nearest(candidates: Tensor, pooled: Tensor) -> Tensor:
    losses = [(one[:, None] - pooled).abs().mean() for one in candidates]
    return candidates[int(torch.stack(losses).argmin())]


def _left_out(shares: Tensor, part: float) -> float:
    """The cross entropy of every image by the frequencies of the others."""
    others = _smoothed(shares.sum(0) - shares, len(shares) - 1, part)
    return float(-(shares * others.log()).sum())


def _smoothed(sums: Tensor, images: int, part: float) -> Tensor:
    return (sums.clamp(min=0) + part / sums.shape[-1]) / (images + part)


def _sphere(count: int) -> Tensor:
    """Points spread evenly over the unit sphere (count x 3): a Fibonacci lattice (Gonzalez 2010)."""
    place = torch.arange(count, dtype=torch.float64) + 0.5
    z = 1 - 2 * place / count
    angle, radius = place * math.pi * (3 - math.sqrt(5)), (1 - z**2).sqrt()
    return torch.stack([radius * angle.cos(), radius * angle.sin(), z], 1)
