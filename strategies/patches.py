"""Several vectors an image instead of one: the centres of what its pixels show."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from strategies.random_projection import projected

ROUNDS = 10  # of Lloyd's algorithm
SIDE = 24  # cells of a map's side, to which larger ones are averaged


def patches_of(maps: Sequence[Tensor], count: int, length: int | None = None) -> Tensor:
    """The k-means centres of every image's pixels (B x count x C), as the semantic patterns of FreeSel.

    Of each of the maps (B x C_i x h_i x w_i) a pixel has a vector of length 1, and those of all maps stand
    side by side; with a ``length``, on that many random directions. A thing that is small in the image then
    has a vector of its own, which a mean over pixels would hide.
    """
    height, width = (min(SIDE, *(each.shape[side] for each in maps)) for side in (2, 3))
    small = [F.normalize(F.adaptive_avg_pool2d(each, (height, width)), dim=1) for each in maps]
    pixels = torch.cat(small, 1).flatten(2).transpose(1, 2)
    return k_means_centres(pixels if length is None else projected(pixels, length), count)


def k_means_centres(points: Tensor, count: int) -> Tensor:
    """Centres (B x count x C) of the points of every image (B x P x C), by Lloyd's algorithm.

    It starts from points that are chosen one after the other, each so that the sum of squared distances to
    the nearest falls most: nothing is random, what is small but far from all else gets a centre of its own,
    and one outlier alone does not. In float64, so that which centre is nearest depends on no batch. A centre
    that no point is nearest to stays where it is.
    """
    double = points.double()
    centres = torch.stack([each.index_select(0, _greedy(each, count)) for each in double])
    for _ in range(ROUNDS):
        centres = _means(double, centres)
    return centres.to(points.dtype)


def _greedy(points: Tensor, count: int) -> Tensor:
    """Positions of the points (of P x C) that an image's centres start from; the host waits for none."""
    norms = points.square().sum(1)
    squared = (norms + norms[:, None] - 2 * points @ points.T).clamp(min=0)
    nearest, chosen = torch.full_like(norms, torch.inf), list[Tensor]()
    for _ in range(count):
        left = torch.minimum(squared, nearest)
        chosen.append(left.sum(1).argmin(keepdim=True))
        nearest = left.index_select(0, chosen[-1])
    return torch.cat(chosen)


def _means(points: Tensor, centres: Tensor) -> Tensor:
    """Of the points nearest to each centre."""
    nearest = (centres.square().sum(2)[:, None] - 2 * points @ centres.transpose(1, 2)).argmin(2)
    members = F.one_hot(nearest, centres.shape[1]).to(points.dtype)
    sizes = members.sum(1)[..., None]
    return torch.where(sizes > 0, members.transpose(1, 2) @ points / sizes.clamp(min=1), centres)
