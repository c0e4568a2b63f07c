"""What every multi-task network is: images in, Outputs out, at any image size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.backbone import Backbone
from benchmark.networks.layout import laid_out
from benchmark.networks.places import Places
from benchmark.tasks.task import Task
from strategies.divergences import resized
from strategies.interface import Outputs, Shapes


class Network(nn.Module, ABC):
    """A backbone and its heads. Subclasses define ``heads``; padding and cropping are done here.

    ``forward`` is ``decode`` of ``encode``, for those who change the maps in between. With a frozen trunk,
    ``encode`` is ``behind`` of ``trunk_maps``, for those who keep these.
    """

    #: Whether its heads need every backbone map at a stride of its own, not kept fine by dilation.
    wants_pyramid: ClassVar[bool] = False

    @classmethod
    def pyramid_for(cls, options: Mapping[str, object]) -> bool:
        """The same with these options of the network."""
        del options
        return cls.wants_pyramid

    #: Share of the channels of every backbone map that are 0 in a training step.
    map_dropout: float = 0.0
    #: Pixels n from one refined prediction to the next in a training step, (n - 1) / 2 beside the labels.
    training_stride: int = 1
    #: The same at the places of the labels.
    label_step: int = 1

    mean: Tensor
    spread: Tensor

    def __init__(self, backbone: Backbone, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.backbone = backbone
        self.specs = tuple(task.spec for task in tasks)
        self.output_channels = {task.name: task.channels for task in tasks}
        # No part of the state: the configuration says them, and weights of before have none.
        for name in ("mean", "spread"):
            values = torch.tensor(getattr(backbone.normalisation, name)).view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    @property
    @abstractmethod
    def feature_channels(self) -> Mapping[str, int]:
        """Channels of every task's feature map."""

    @abstractmethod
    def heads(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """From backbone maps to Outputs, refined predictions at ``size``."""

    @property
    def shapes(self) -> Shapes:
        """What a companion needs to know."""
        return Shapes(self.specs, dict(self.feature_channels), self.backbone.channels)

    @property
    def loaded(self) -> str:
        """Which pre-trained weights it started from and how many tensors matched; empty if none."""
        loaded = self.backbone.loaded
        return loaded and f"{loaded}; images are normalised by {self.backbone.normalisation}"

    def forward(self, images: Tensor, trunk_maps: Sequence[Tensor] | None = None) -> Outputs:
        """Images B x 3 x H x W (0..1), of any size; their maps of the frozen trunk, where they are known."""
        height, width = images.shape[-2:]
        maps = self.encode(images) if trunk_maps is None else self.behind(trunk_maps)
        return self.decode(maps, (height, width))

    def encode(self, images: Tensor) -> list[Tensor]:
        """Backbone maps, fine to coarse, of images (0..1)."""
        if self.backbone.trunk:
            return self.behind(self.trunk_maps(images))
        maps: list[Tensor] = self.backbone(self._prepared(images))
        return maps

    def trunk_maps(self, images: Tensor) -> list[Tensor]:
        """What the frozen trunk sees in images (0..1), in half precision. Raises ValueError without one."""
        if self.backbone.trunk is None:
            raise ValueError("the network has no frozen trunk")
        return self.backbone.trunk.maps(self._prepared(images))

    def behind(self, trunk_maps: Sequence[Tensor]) -> list[Tensor]:
        """Backbone maps from those of the frozen trunk."""
        return self.backbone.behind([laid_out(each.float(), self) for each in trunk_maps])

    def _prepared(self, images: Tensor) -> Tensor:
        """Images normalised, their sides padded on the right and below as the backbone needs."""
        images = (images - self.mean) / self.spread
        height, width = images.shape[-2:]
        below, right = self._padding((height, width))
        if below or right:
            images = F.pad(images, (0, right, 0, below), mode="replicate")
        return images

    def decode(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """Outputs for images of this size from their maps; every map is cropped back, so that no pooled
        feature sees much of the padding.
        """
        (height, width), (below, right) = size, self._padding(size)
        whole, step = (height + below, width + right), self.label_step if self.training else 1
        predicted = self._predicted(whole) if step == 1 else _sides(maps[0])
        outputs = self._on_dropped(maps, predicted)
        if step > 1:
            return self._at_labels(outputs, size, whole)
        if not below and not right:
            return outputs
        rows, columns = self._predicted(size)

        def cropped(each: Tensor) -> Tensor:
            # Exact where predictions are: a share of them, rounded up, may be one more than there are labels.
            return each[..., :rows, :columns] if _sides(each) == predicted else self._cropped(each, size)

        return outputs.mapped(cropped)

    def _at_labels(self, outputs: Outputs, size: tuple[int, int], whole: tuple[int, int]) -> Outputs:
        """Outputs with predictions at the labels' places, as evaluation has them there."""
        places, of_cropped = (Places(all_of_it, size, self.label_step) for all_of_it in (whole, size))
        refined = {task: places.of(each) for task, each in outputs.refined.items()}

        def initial(task: str, each: Tensor) -> Tensor:
            # Networks of one stage have one prediction; of others what is left of a map is what is resized.
            is_one = each is outputs.refined[task]
            return refined[task] if is_one else of_cropped.of(self._cropped(each, size))

        coarser = outputs.coarser_initial.items()
        return replace(
            outputs.mapped(partial(self._cropped, size=size)),
            initial={task: initial(task, each) for task, each in outputs.initial.items()},
            refined=refined,
            coarser_initial={task: tuple(initial(task, each) for each in maps) for task, maps in coarser},
        )

    def _predicted(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of refined predictions of an image of this size."""
        stride = self.training_stride if self.training else 1
        return -(-size[0] // stride), -(-size[1] // stride)

    def trunk_features(self, maps: Sequence[Tensor], size: tuple[int, int]) -> tuple[Tensor, ...]:
        """Maps of the frozen trunk as strategies see them, of images of this size: in float32 and cropped."""
        return tuple(self._cropped(each.float(), size) for each in maps)

    def _on_dropped(self, maps: Sequence[Tensor], size: tuple[int, int]) -> Outputs:
        """The heads; in training on maps that lack some channels, which nobody else sees so."""
        if not self.training or not self.map_dropout:
            return self.heads(maps, size)
        dropped = [F.dropout2d(each, self.map_dropout) for each in maps]
        return replace(self.heads(dropped, size), backbone_features=tuple(maps))

    def _padding(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows below and columns on the right."""
        return -size[0] % self.backbone.multiple, -size[1] % self.backbone.multiple

    def _cropped(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """A map without what shows padding alone."""
        (height, width), (below, right) = size, self._padding(size)
        rows = -(-height * features.shape[-2] // (height + below))
        columns = -(-width * features.shape[-1] // (width + right))
        return features[..., :rows, :columns]


def _sides(of: Tensor) -> tuple[int, int]:
    height, width = of.shape[-2:]
    return height, width


def resized_together(predictions: Mapping[str, Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
    """All tasks' predictions resized as one tensor: one kernel instead of one a task."""
    channels = [prediction.shape[1] for prediction in predictions.values()]
    joined = resized(torch.cat(list(predictions.values()), 1), size)
    return dict(zip(predictions, torch.split(joined, channels, 1), strict=True))


def at_finest(maps: Sequence[Tensor]) -> list[Tensor]:
    """All maps brought bilinearly to the size of the first."""
    return [resized(features, maps[0].shape[-2:]) for features in maps]
