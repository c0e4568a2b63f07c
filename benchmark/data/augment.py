"""Augmentation on the device, per image, true to the geometry of every label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from benchmark.config import Augmentation
from benchmark.data.feed import Batch
from benchmark.tasks.task import Task


def augmented(batch: Batch, tasks: Sequence[Task], how: Augmentation, generator: Generator) -> Batch:
    """A batch after random mirroring, zoom, crop and colour change; random numbers are drawn on the CPU."""
    drawn = torch.rand((len(batch.images), 8), generator=generator)
    draws = drawn.to(batch.images.device)
    if how.flip:
        batch = _mirrored(batch, tasks, draws[:, 0] < 0.5)
    if set(how.zoom) - {1.0}:
        factors = draws.new_tensor(how.zoom)[(draws[:, 1] * len(how.zoom)).long()]
        batch = _zoomed(batch, tasks, factors, draws[:, 2:4])
    if how.crop:
        batch = _cropped(batch, how.crop, drawn[:, 6:8])
    if how.colour:
        batch = replace(batch, images=_recoloured(batch.images, how.colour, draws[:, 4:6]))
    return batch


def _mirrored(batch: Batch, tasks: Sequence[Task], which: Tensor) -> Batch:
    images = _where(which, batch.images.flip(-1), batch.images)
    labels = {t.name: _where(which, t.mirrored(batch.labels[t.name]), batch.labels[t.name]) for t in tasks}
    return Batch(images, labels)


def _where(which: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(which.view(-1, *[1] * (no.ndim - 1)), yes, no)


def _zoomed(batch: Batch, tasks: Sequence[Task], factors: Tensor, corners: Tensor) -> Batch:
    """Cut a window of 1/factor of the sides at a random place and magnify it to the full size."""
    grid = _window_grid(batch.images, factors, corners)
    images = F.grid_sample(batch.images, grid, "bilinear", "border", align_corners=False)
    nearest = _nearest_index(grid, batch.images.shape[-2:])
    labels: Mapping[str, Tensor] = {
        t.name: t.zoomed(_gathered(batch.labels[t.name], nearest), factors) for t in tasks
    }
    return Batch(images, labels)


def _window_grid(images: Tensor, factors: Tensor, corners: Tensor) -> Tensor:
    """Where every output pixel comes from, -1..1 (B x H x W x 2, x before y)."""
    theta = images.new_zeros(len(images), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / factors
    theta[:, :, 2] = (2 * corners - 1) * (1 - 1 / factors)[:, None]
    return F.affine_grid(theta, list(images.shape), align_corners=False)


def _nearest_index(grid: Tensor, size: Sequence[int]) -> Tensor:
    """The nearest source pixel of every output pixel, as an index into H * W (B x H x W)."""
    height, width = size
    column = ((grid[..., 0] + 1) * width / 2 - 0.5).round().clamp(0, width - 1)
    row = ((grid[..., 1] + 1) * height / 2 - 0.5).round().clamp(0, height - 1)
    return (row * width + column).long()


def _gathered(label: Tensor, index: Tensor) -> Tensor:
    """Labels (B x ... x H x W) at these pixels; values are never mixed."""
    flat = label.flatten(-2)
    where = index.flatten(1).view(len(label), *[1] * (flat.ndim - 2), -1).expand(*flat.shape[:-1], -1)
    return flat.gather(-1, where).view_as(label)


def _cropped(batch: Batch, size: tuple[int, int], corners: Tensor) -> Batch:
    """Cut a window of this height and width at a random place; a smaller side stays whole."""
    full = batch.images.shape[-2:]
    height, width = (min(wanted, there) for wanted, there in zip(size, full, strict=True))
    tops = (corners[:, 0] * (full[0] - height + 1)).long().tolist()
    lefts = (corners[:, 1] * (full[1] - width + 1)).long().tolist()

    def cut(maps: Tensor) -> Tensor:
        windows = zip(maps, tops, lefts, strict=True)
        return torch.stack(
            [each[..., top : top + height, left : left + width] for each, top, left in windows]
        )

    return Batch(cut(batch.images), {task: cut(label) for task, label in batch.labels.items()})


def _recoloured(images: Tensor, strength: float, draws: Tensor) -> Tensor:
    brightness, contrast = (1 + strength * (2 * draws - 1))[:, :, None, None, None].unbind(1)
    mean = images.mean((1, 2, 3), keepdim=True)
    return ((images - mean) * contrast + mean * brightness).clamp(0, 1)
