"""Augmentation on the device, per image, true to the geometry of every label.

Mirroring, magnifying, turning and cutting are one map of the plane for each image, and its pixels are read
once: the image between pixels, labels at the nearest one. Beyond the image there is the mean of ImageNet and
no label. All changes of colour are one map of colours for each image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from benchmark.data.feed import Batch
from benchmark.experiment.recipe import Augmentation
from benchmark.tasks.task import Task
from strategies.device_transfer import on_device

Size = tuple[int, int]
#: Rotation of the hue in RGB and luminance (W3C, Filter Effects Module Level 1, feColorMatrix hueRotate).
LUMINANCE = (0.213, 0.715, 0.072)
HUE = ((-0.213, -0.715, 0.928), (0.143, 0.140, -0.283), (-0.787, 0.715, 0.072))
DRAWS = 10
#: Mean of ImageNet, the grey beyond an image.
MEAN = (0.485, 0.456, 0.406)


def augmented(batch: Batch, tasks: Sequence[Task], how: Augmentation, generator: Generator) -> Batch:
    """A batch after random changes of geometry and colour; random numbers are drawn on the CPU.

    Maps come with it that show the same: where there is more than mirroring, none do.
    """
    draws = torch.rand((len(batch.images), DRAWS), generator=generator)
    full = (batch.images.shape[-2], batch.images.shape[-1])
    size = full if how.crop is None else (min(how.crop[0], full[0]), min(how.crop[1], full[1]))
    resampled = bool(set(how.zoom) - {1.0} or how.scale or how.rotation)
    if how.flip or resampled or size != full:
        motion = _drawn_motion(how, draws[:, :6], full, size)
        maps = batch.maps and not resampled and size == full and batch.maps.flipped(motion.mirror.numpy())
        batch = replace(moved(batch, tasks, motion, size, resampled), maps=maps or None)
    if how.colour or how.saturation or how.hue:
        batch = replace(batch, images=_recoloured(batch.images, how, draws[:, 6:]), maps=None)
    return batch


@dataclass(frozen=True)
class Motion:
    """How the pictures of a batch move, in this order, about their centres (a row an image, on the CPU)."""

    #: Magnification (B).
    factor: Tensor
    #: Counter-clockwise turn in radians (B).
    angle: Tensor
    #: From the centre of the picture to the centre of the window that is cut, in pixels to the right and
    #: down (B x 2).
    shift: Tensor
    #: Whether the window is mirrored left to right (B).
    mirror: Tensor

    def inwards(self, size: Size) -> Tensor:
        """From a window's pixel to that of a picture of this size it shows, both from centre (B x 2 x 3)."""
        turn = _rotation(self.angle) / self.factor[:, None, None]
        offset = turn @ self.shift[:, :, None] + self.shift.new_tensor([[size[1] / 2], [size[0] / 2]])
        return torch.cat([turn * self._sides(), offset], 2)

    def turns(self) -> Tensor:
        """What happens to directions in the plane (x right, y up): turned, then mirrored (B x 2 x 2)."""
        return self._sides().mT * _rotation(self.angle)

    def _sides(self) -> Tensor:
        side = 1 - 2 * self.mirror.to(self.angle.dtype)
        return torch.stack([side, torch.ones_like(side)], 1)[:, None]


def _rotation(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return torch.stack([c, -s, s, c], 1).view(-1, 2, 2)


def moved(batch: Batch, tasks: Sequence[Task], motion: Motion, size: Size, resampled: bool = True) -> Batch:
    """The window of this size of every picture that a motion shows, with its labels.

    Without ``resampled`` pixels are picked and never mixed: exact where the motion takes pixels to pixels.
    """
    device, full = batch.images.device, batch.images.shape[-2:]
    x, y = _sources(on_device(motion.inwards((full[0], full[1])), device), size)
    inside = (x >= 0) & (x < full[1]) & (y >= 0) & (y < full[0])
    nearest = y.long().clamp(0, full[0] - 1) * full[1] + x.long().clamp(0, full[1] - 1)
    images = _between(batch.images, x, y) if resampled else _gathered(batch.images, nearest)
    images = torch.where(inside[:, None], images, _grey(device))
    factor, turns = on_device(motion.factor, device), on_device(motion.turns(), device)

    def label(task: Task) -> Tensor:
        values = _gathered(batch.labels[task.name], nearest)
        values = task.turned(task.zoomed(values, factor), turns)
        outside = ~inside.view(len(values), *[1] * (values.ndim - 3), *size)
        return values.masked_fill(outside, task.unlabelled(1, 1).flat[0].item())

    return Batch(images, {task.name: label(task) for task in tasks})


def _sources(inwards: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """Where every pixel of a window comes from (x and y, B x H x W); pixel k reaches from k to k + 1."""
    height, width = size
    right = torch.arange(width, device=inwards.device) + (0.5 - width / 2)
    down = torch.arange(height, device=inwards.device) + (0.5 - height / 2)
    x, y = inwards[..., None, None].unbind(1)
    return (
        x[:, 0] * right + x[:, 1] * down[:, None] + x[:, 2],
        y[:, 0] * right + y[:, 1] * down[:, None] + y[:, 2],
    )


def _between(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Images read at these places, bilinear between the centres of pixels."""
    height, width = images.shape[-2:]
    grid = torch.stack([x * (2 / width) - 1, y * (2 / height) - 1], -1)
    return F.grid_sample(images, grid, "bilinear", "border", align_corners=False)


def _gathered(maps: Tensor, index: Tensor) -> Tensor:
    """Maps (B x ... x H x W) at these pixels, indices into H * W (B x h x w); values are never mixed."""
    flat = maps.flatten(-2)
    where = index.flatten(1).view(len(maps), *[1] * (flat.ndim - 2), -1).expand(*flat.shape[:-1], -1)
    return flat.gather(-1, where).view(*maps.shape[:-2], *index.shape[1:])


def _drawn_motion(how: Augmentation, draws: Tensor, full: Size, size: Size) -> Motion:
    """A motion out of six uniform draws an image (B x 6)."""
    zoom = draws.new_tensor(how.zoom or (1.0,))
    low, high = how.scale or (1.0, 1.0)
    factor = zoom[(draws[:, 1] * len(zoom)).long()] * (low + (high - low) * draws[:, 2])
    return Motion(
        factor=factor,
        angle=math.radians(how.rotation) * (2 * draws[:, 3] - 1),
        shift=_drawn_shift(factor[:, None] * draws.new_tensor(full) - draws.new_tensor(size), draws[:, 4:6]),
        mirror=(draws[:, 0] < 0.5) & how.flip,
    )


def _drawn_shift(room: Tensor, draws: Tensor) -> Tensor:
    """Where to cut, in whole pixels, if there is room (height and width, B x 2); else about the centre."""
    corner = (draws * (room.floor() + 1)).floor()
    return torch.where(room > 0, corner - room / 2, 0.0).flip(1)


def _recoloured(images: Tensor, how: Augmentation, draws: Tensor) -> Tensor:
    """Four uniform draws an image: brightness, contrast, saturation, hue (B x 4)."""
    signed = 2 * draws - 1
    brightness, contrast = (1 + how.colour * signed[:, :2]).unbind(1)
    chroma = _chroma(1 + how.saturation * signed[:, 2], math.radians(how.hue) * signed[:, 3])
    matrix = on_device(contrast[:, None, None] * chroma, images.device)
    mean = images.mean((1, 2, 3), keepdim=True)
    colours = torch.bmm(matrix, (images - mean).flatten(2)).view_as(images)
    return (colours + mean * on_device(brightness, images.device)[:, None, None, None]).clamp(0, 1)


def _chroma(saturation: Tensor, hue: Tensor) -> Tensor:
    """Maps of RGB (B x 3 x 3) that keep greys and luminance, for a saturation and a turn of the hue."""
    grey = hue.new_tensor([LUMINANCE] * 3)
    inphase, quadrature = (saturation * turn for turn in (hue.cos(), hue.sin()))
    turned = inphase[:, None, None] * (torch.eye(3) - grey) + quadrature[:, None, None] * hue.new_tensor(HUE)
    return grey + turned


@cache
def _grey(device: torch.device) -> Tensor:
    """What stands where an image was shrunk or turned (3 x 1 x 1); kept, for to send it is to wait."""
    return torch.tensor(MEAN, device=device).view(3, 1, 1)
