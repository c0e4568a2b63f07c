"""What a task is: a kind, a loss per image, metrics, colours. One file a task implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.tasks.options import Options, validated_options
from strategies.interface import Kind, TaskSpec
from strategies.source import source_digest, spec_of

IGNORE = 255
#: Packages whose classes a task is made of without having code of its own.
INSIDE = ("benchmark", "builtins", "abc")
Better = Literal["lower", "higher"]
#: Networks and companions keep a module per task in a ModuleDict; "total" is what the summed loss is called.
TAKEN_NAMES = frozenset(dir(nn.ModuleDict())) | {"total"}


class Meter(ABC):
    """Accumulates what its metrics need, batch by batch, on the device."""

    @abstractmethod
    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Take in one batch of refined logits (B x C x H x W) and its encoded labels."""

    @abstractmethod
    def compute(self) -> Mapping[str, float]:
        """Metric values over everything seen; NaN where nothing was labelled."""


class Task(ABC):
    """A named task. Labels are *encoded*: tensors of B images in the layout of ``encode``.

    ``weight`` is the task's share in the multi-task loss (Xu et al. 2018 and successors fix it per data set);
    ``options`` are the choices on which published code disagrees. Both are part of every result.
    Raises UserError for a name that no module can have, and for options that the task does not take.
    """

    kind: ClassVar[Kind]
    default_weight: ClassVar[float] = 1.0
    #: Which way is better, of every metric of its meter.
    better: ClassVar[Mapping[str, Better]] = {}
    options_model: ClassVar[type[Options]] = Options
    options: Options

    def __init__(
        self, name: str, classes: Sequence[str] = (), weight: float | None = None, **options: Any
    ) -> None:
        if not name or "." in name or name in TAKEN_NAMES:
            raise UserError(f"A task cannot be called {name!r} (empty, with a dot, or taken): rename it.")
        self.name = name
        self.classes = tuple(classes)
        self.weight = self.default_weight if weight is None else weight
        self.options = validated_options(self.options_model, options, name)

    def changed(self, weight: float | None, options: Mapping[str, Any]) -> Self:
        """The same task with another weight, unless that is None, and with these options changed."""
        merged = {**self.options.model_dump(), **options}
        return type(self)(self.name, self.classes, self.weight if weight is None else weight, **merged)

    @property
    def code(self) -> str | None:
        """Digest of the code that the task is of, where that is not the benchmark's own."""
        return code_of(type(self))

    @property
    @abstractmethod
    def headline(self) -> str:
        """The one metric that stands for the task where there is room for one."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Channels of a prediction."""

    @abstractmethod
    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Loss of every image (B), its mean over valid pixels; 0 for an image without one."""

    @abstractmethod
    def valid(self, label: Tensor) -> Tensor:
        """Which pixels carry a label (B x H x W, boolean)."""

    @abstractmethod
    def as_label(self, prediction: Tensor) -> Tensor:
        """The label that a prediction stands for, encoded."""

    @abstractmethod
    def summary(self, label: Tensor) -> Tensor:
        """What ``constant`` needs of an encoded label (one image, without its batch dimension) that is valid
        somewhere: a vector of a length of the task's own."""

    @abstractmethod
    def constant(self, summaries: Tensor) -> Tensor:
        """The prediction (C) that, the same at every pixel, has the least mean loss on these images.

        ``summaries`` has a row for each of N images, one or more.
        """

    def beside(self, shares: NDArray[np.float64]) -> Self:
        """The task as it is evaluated beside a pool whose labels have these shares of classes.

        N x C, NaN for an image without a label; asked of categorical tasks. No loss may depend on them.
        """
        del shares
        return self

    @abstractmethod
    def meter(self) -> Meter:
        """A fresh accumulator of the task's metrics."""

    @abstractmethod
    def unlabelled(self, height: int, width: int) -> NDArray[Any]:
        """An encoded label that says nothing."""

    @abstractmethod
    def colour(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """A label, as a sample holds it, as an RGB picture (H x W x 3)."""

    def encode(self, label: NDArray[Any]) -> NDArray[Any]:
        """A sample's label in the layout of the batches."""
        return label

    def turned(self, label: Tensor, turn: Tensor) -> Tensor:
        """The encoded label after its image was turned or mirrored: values only, not geometry.

        ``turn`` (B x 2 x 2, orthogonal) says where directions in the image plane went, x right and y up.
        """
        del turn
        return label

    def unmirrored_prediction(self, prediction: Tensor) -> Tensor:
        """A prediction for the mirrored image, brought back onto the image itself."""
        return prediction.flip(-1)

    def zoomed(self, label: Tensor, factor: Tensor) -> Tensor:
        """The encoded label after its image was magnified by ``factor`` (B): values only, not geometry."""
        del factor
        return label

    @property
    def spec(self) -> TaskSpec:
        """What a strategy may know of this task."""

        def loss(prediction: Tensor, target: Tensor) -> Tensor:  # a method would lead to the task itself
            return self.loss(prediction, self.as_label(target.detach()))

        return TaskSpec(self.name, self.kind, self.channels, loss)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, channels={self.channels}, weight={self.weight:g})"


@cache
def code_of(task: type[Task]) -> str | None:
    """Digest of the files that classes of tasks lie in (see ``strategies.source``), as when first asked for.

    None for one that is all of the benchmark: its code has the benchmark's version.
    """
    own = {cls.__module__ for cls in task.__mro__ if cls.__module__.partition(".")[0] not in INSIDE}
    return source_digest(spec for module in sorted(own) if (spec := spec_of(module)) is not None)


def mean_over_pixels(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid pixels of every image (B x H x W to B); 0, not NaN, where there is none."""
    total = torch.where(valid, values, torch.zeros_like(values)).sum((1, 2))
    return total / valid.sum((1, 2)).clamp(min=1)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Element-wise quotient that is 0 where the denominator is 0."""
    return numerator / denominator.clamp(min=1e-12)
