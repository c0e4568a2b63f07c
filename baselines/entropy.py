"""Predictive entropy, with a stand-in for tasks that have none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import Outputs, register

if TYPE_CHECKING:
    from torch import Tensor


@register("entropy", source="Shannon 1948; Settles 2009, section 3.1", views=("flip",))
def entropy(outputs: Outputs) -> Mapping[str, Tensor]:
    """Mean pixel entropy of the refined prediction; for depth and normals, the variance over a mirrored view.

    Entropies are in units of log C (0..1). Scalar and direction tasks predict no distribution: their variance
    over the test-time flip stands in.
    """
    flipped = outputs.views["flip"]
    measures = {"categorical": _softmax, "binary": _bernoulli, "scalar": _variance, "direction": _spread}
    return {t.name: measures[t.kind](outputs.refined[t.name], flipped.refined[t.name]) for t in outputs.tasks}


def _softmax(logits: Tensor, _: Tensor) -> Tensor:
    log_p = logits.log_softmax(1)
    return -(log_p.exp() * log_p).sum(1).mean((1, 2)) / math.log(max(logits.shape[1], 2))


def _bernoulli(logit: Tensor, _: Tensor) -> Tensor:
    import torch

    return _softmax(torch.cat([torch.zeros_like(logit), logit], 1), logit)


def _variance(prediction: Tensor, flipped: Tensor) -> Tensor:
    return ((prediction - flipped) / 2).square().mean((1, 2, 3))


def _spread(prediction: Tensor, flipped: Tensor) -> Tensor:
    """Variance of two unit vectors: 1 - squared length of their mean."""
    import torch.nn.functional as F

    mean = (F.normalize(prediction, dim=1) + F.normalize(flipped, dim=1)) / 2
    return (1 - mean.square().sum(1)).clamp(min=0).mean((1, 2))
