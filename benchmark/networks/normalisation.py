"""By which mean and spread images are normalised: what a backbone's weights were trained to see.

Over a third of timm's pre-trained configurations do not use ImageNet's (plain ViTs, CLIP, BiT and others):
fed with ImageNet's, their maps are others than those that were trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.plugins import BACKBONES

if TYPE_CHECKING:
    from benchmark.experiment.config import NetworkConfig

Channels = tuple[float, ...]  # three


@dataclass(frozen=True)
class Normalisation:
    """An image of 0..1 becomes (image - mean) / spread, channel by channel; ``origin`` says why these."""

    mean: Channels
    spread: Channels
    origin: str

    def __str__(self) -> str:
        return f"mean {_listed(self.mean)} and spread {_listed(self.spread)}, {self.origin}"


def _listed(values: Channels) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "ImageNet's, for fresh weights")


def normalisation_of(config: NetworkConfig) -> Normalisation:
    """The experiment's own, or that of a plug-in or the pre-trained configuration, or else ImageNet's.

    A file of weights says nothing of it: timm's default configuration of the same backbone stands for it.
    """
    found = _own(config) or (_of_weights(config) if config.pretrained else IMAGENET)
    if config.mean is None and config.spread is None:
        return found
    return Normalisation(config.mean or found.mean, config.spread or found.spread, "the experiment's")


def _own(config: NetworkConfig) -> Normalisation | None:
    """What a backbone of one's own declares."""
    entry = BACKBONES.find(config.backbone)
    if entry is None or entry.built_in:
        return None
    declared: Normalisation = entry.thing.normalisation
    return declared


def _of_weights(config: NetworkConfig) -> Normalisation:
    import timm

    known = timm.get_pretrained_cfg(config.backbone) if timm.is_model(config.backbone) else None
    if known is None:
        return IMAGENET
    whose = f"those of timm's {config.backbone}"
    if config.pretrained is not True:
        whose += ": a file of weights does not say its own, network.mean and network.spread can"
    return Normalisation(tuple(known.mean), tuple(known.std), whose)


def without_weights(config: NetworkConfig) -> NetworkConfig:
    """The same network for weights that follow, which were trained on images normalised in the same way."""
    if config.frozen:  # a frozen trunk's weights do not follow
        return config
    used = normalisation_of(config)
    return config.model_copy(update={"pretrained": False, "mean": used.mean, "spread": used.spread})
