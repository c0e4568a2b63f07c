"""Views: what the network says of the mirrored image, and with channels dropped.

Dropout views are Monte Carlo dropout (Gal & Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016)
injected, when the pool is scored, into a network that was trained without it (Ledda, Fumera & Roli, "Dropout
Injection at Test Time for Post Hoc Uncertainty Quantification in Neural Networks", Information Sciences
2023).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.feed import BatchMaps
from benchmark.errors import UserError
from benchmark.networks import Network
from benchmark.random_streams import Streams
from benchmark.tasks.task import Task
from benchmark.training.forward import Precision, decoded, encoded, forward, trunk_maps
from strategies.device_transfer import on_device
from strategies.interface import Outputs
from strategies.registry import VIEW
from strategies.views import Views

DROPOUT = "dropout-"
RATE = 0.1  # share of the channels that a dropout view is without


@dataclass(frozen=True)
class Shown:
    """A batch of images (B x 3 x H x W, 0..1) as a network is shown it, and all that views depend on."""

    network: Network
    images: Tensor
    ids: Sequence[str]
    tasks: Sequence[Task]
    streams: Streams
    precision: Precision = "fp32"
    #: A frozen trunk's maps of these images, if they are kept.
    kept: BatchMaps | None = None

    @cached_property
    def maps(self) -> list[Tensor]:
        """The backbone's maps: kept, for all dropout views start from them."""
        return encoded(self.network, self.images, self.precision, self._trunk_maps)

    @property
    def trunk_features(self) -> tuple[Tensor, ...]:
        """The frozen trunk's maps, each time anew, for a strategy to do as it will; none if it is trained."""
        return self.network.trunk_features(self._trunk_maps or (), self._size)

    @cached_property
    def _trunk_maps(self) -> list[Tensor] | None:
        return trunk_maps(self.network, self.images, self.kept)

    @property
    def _size(self) -> tuple[int, int]:
        return self.images.shape[-2], self.images.shape[-1]

    def outputs_of(self, maps: Sequence[Tensor]) -> Outputs:
        """Outputs from maps that may have been changed."""
        return decoded(self.network, maps, self._size, self.precision)

    def view(self, name: str, keep_maps: bool = False) -> Outputs:
        """Outputs of a view, or under the name "" of the images themselves, for a strategy to do as it will.

        Whatever shares its memory with the network is copied, and so are the backbone's maps if they are to
        be kept for other views.
        """
        if not name:
            outputs = self.outputs_of(self.maps)
        elif name.startswith(DROPOUT):
            outputs = dropped(self, int(name.removeprefix(DROPOUT)))
        else:
            outputs = mirrored(self)
        state = [*self.network.parameters(), *self.network.buffers(), *(self.maps if keep_maps else ())]
        # By image and not by batch, so that smaller batches measure the same.
        rngs = tuple(self.streams.of_image(f"measure {name}", image) for image in self.ids)
        return replace(_apart_from(state, outputs), ids=tuple(self.ids), rngs=rngs)


def _apart_from(state: Sequence[Tensor], outputs: Outputs) -> Outputs:
    """The outputs, with copies of those tensors that share their memory with one of the state."""
    # Compared by storage: a slice or a reshaped view of a weight is another tensor in the same memory.
    taken = {_memory(tensor) for tensor in state}
    return outputs.mapped(lambda tensor: tensor.clone() if _memory(tensor) in taken else tensor)


def _memory(tensor: Tensor) -> int:
    """What tensors that share their memory have in common, on any device."""
    return int(tensor.untyped_storage()._cdata)


def views_of(names: Sequence[str], shown: Shown) -> Views:
    """The declared views of a batch, for a strategy that must not reach the network through them."""

    def view(name: str) -> Outputs:
        return shown.view(name)

    return Views(names, view)


def check_views(views: Sequence[str], strategy: str) -> None:
    """Raise UserError, which names the strategy, for a view that there is not."""
    unknown = [view for view in views if not VIEW.fullmatch(view)]
    if unknown:
        raise UserError(
            f"Strategy {strategy!r} wants the view {unknown[0]!r}; there is flip, dropout-1, dropout-2, "
            "and so on."
        )


def mirrored(shown: Shown) -> Outputs:
    """Outputs for the mirrored images, mirrored back; normals' x is turned back too."""
    kept = shown.kept and shown.kept.flipped()
    outputs = forward(shown.network, shown.images.flip(-1), shown.precision, kept)

    def back(predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task.name: task.unmirrored_prediction(predictions[task.name]) for task in shown.tasks}

    coarser = {
        t.name: tuple(t.unmirrored_prediction(p) for p in outputs.coarser_initial[t.name])
        for t in shown.tasks
        if t.name in outputs.coarser_initial
    }
    return replace(
        outputs,
        initial=back(outputs.initial),
        refined=back(outputs.refined),
        task_features={task: features.flip(-1) for task, features in outputs.task_features.items()},
        backbone_features=tuple(features.flip(-1) for features in outputs.backbone_features),
        coarser_initial=coarser,
    )


def dropped(shown: Shown, number: int) -> Outputs:
    """Outputs of dropout pass ``number``: the heads run on the backbone's maps with whole channels at 0.

    Which ones depends on the image, the pass, the data set, the seed and the round, never on the batch.
    """
    widths = [features.shape[1] for features in shown.maps]
    kept = np.stack([_kept(shown.streams, image, number, sum(widths)) for image in shown.ids])
    # Divided by what is kept, as dropout is: the mean over passes is the network's own.
    share = on_device(torch.from_numpy(kept / (1 - RATE)), shown.images.device).to(shown.maps[0].dtype)
    factors = torch.split(share, widths, 1)
    maps = [features * factor[..., None, None] for features, factor in zip(shown.maps, factors, strict=True)]
    return shown.outputs_of(maps)


def _kept(streams: Streams, image: str, number: int, channels: int) -> NDArray[np.bool_]:
    """Which channels an image keeps, from a stream of its own."""
    # With zero bytes between, which no name holds: other parts never give the same text.
    name = f"{streams.dataset}\0{streams.seed}\0{streams.round}\0dropout\0{image}\0{number}"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    # Drawn on the CPU: a GPU's generator would give other channels than the CPU's.
    return np.random.default_rng(seed).random(channels) >= RATE
