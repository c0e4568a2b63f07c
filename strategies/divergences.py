"""Inconsistency between the initial and the refined prediction of a two-stage network, per task kind.

Reconstructed from the abstract of Hekimoglu, Schmidt & Marcos-Ramiro, WACV 2024 (METHOD, section 1). Every
divergence maps an initial and a refined prediction of one shape (B x C x H x W, logits) to a map B x H x W.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from strategies.interface import Kind, Outputs, TaskSpec

Divergence = Callable[[Tensor, Tensor], Tensor]
Scales = Literal["finest", "mean"]


def jensen_shannon(initial: Tensor, refined: Tensor) -> Tensor:
    """Jensen-Shannon divergence of the two softmaxes over channels, in units of log 2 (0..1)."""
    p, q = initial.log_softmax(1), refined.log_softmax(1)
    middle = torch.logaddexp(p, q) - math.log(2)
    divergence = (p.exp() * (p - middle) + q.exp() * (q - middle)).sum(1) / 2
    return divergence.clamp(min=0) / math.log(2)


def symmetric_kl(initial: Tensor, refined: Tensor) -> Tensor:
    """Mean of the two Kullback-Leibler divergences of the softmaxes over channels, in nats."""
    p, q = initial.log_softmax(1), refined.log_softmax(1)
    return ((p.exp() - q.exp()) * (p - q)).sum(1).clamp(min=0) / 2


def bernoulli_jensen_shannon(initial: Tensor, refined: Tensor) -> Tensor:
    """Jensen-Shannon divergence of the two yes-or-no distributions, in units of log 2 (0..1)."""
    return jensen_shannon(_two_classes(initial), _two_classes(refined))


def probability_difference(initial: Tensor, refined: Tensor) -> Tensor:
    """Absolute difference of the two probabilities of yes."""
    return (initial[:, 0].sigmoid() - refined[:, 0].sigmoid()).abs()


def weighted_probability_difference(initial: Tensor, refined: Tensor) -> Tensor:
    """The same, weighted by the larger of the two, so that agreed background counts for nothing."""
    p, q = initial[:, 0].sigmoid(), refined[:, 0].sigmoid()
    return (p - q).abs() * torch.maximum(p, q)


def absolute_difference(initial: Tensor, refined: Tensor) -> Tensor:
    """Absolute difference, in the units of the task."""
    return (initial[:, 0] - refined[:, 0]).abs()


def relative_difference(initial: Tensor, refined: Tensor) -> Tensor:
    """Absolute difference divided by the size of the refined prediction."""
    return absolute_difference(initial, refined) / refined[:, 0].abs().clamp(min=1e-3)


def cosine_distance(initial: Tensor, refined: Tensor) -> Tensor:
    """1 - cosine of the angle between the two directions (0..2)."""
    return (1 - F.cosine_similarity(initial, refined, dim=1, eps=1e-6)).clamp(min=0)


def unit_vector_l1(initial: Tensor, refined: Tensor) -> Tensor:
    """Mean absolute difference of the elements of the two unit vectors."""
    return (F.normalize(initial, dim=1) - F.normalize(refined, dim=1)).abs().mean(1)


#: What each kind offers; the first is the default.
DIVERGENCES: Mapping[Kind, Mapping[str, Divergence]] = {
    "categorical": {"js": jensen_shannon, "kl": symmetric_kl},
    "binary": {
        "js": bernoulli_jensen_shannon,
        "difference": probability_difference,
        "weighted": weighted_probability_difference,
    },
    "scalar": {"difference": absolute_difference, "relative": relative_difference},
    "direction": {"cosine": cosine_distance, "l1": unit_vector_l1},
}
DEFAULTS: Mapping[Kind, str] = {kind: next(iter(options)) for kind, options in DIVERGENCES.items()}


def inconsistency_map(
    outputs: Outputs, task: TaskSpec, divergence: Mapping[Kind, str], scales: Scales = "finest"
) -> Tensor:
    """Where the two stages disagree on a task: B x H x W, at the refined prediction's size."""
    compare = DIVERGENCES[task.kind][divergence[task.kind]]
    refined = outputs.refined[task.name]
    return _mean_over_scales(outputs, task, scales, lambda initial: compare(initial, refined))


def inconsistency_loss(outputs: Outputs, task: TaskSpec, scales: Scales = "finest") -> Tensor:
    """The task's own training loss of the initial prediction against the refined one as fixed target (B)."""
    refined = outputs.refined[task.name]
    return _mean_over_scales(outputs, task, scales, lambda initial: task.loss(initial, refined))


def _mean_over_scales(
    outputs: Outputs, task: TaskSpec, scales: Scales, of: Callable[[Tensor], Tensor]
) -> Tensor:
    coarser = outputs.coarser_initial.get(task.name, ()) if scales == "mean" else ()
    size = outputs.refined[task.name].shape[-2:]
    values = [of(resized(initial, size)) for initial in (outputs.initial[task.name], *coarser)]
    return torch.stack(values).mean(0)


def resized(prediction: Tensor, size: Sequence[int]) -> Tensor:
    """A map brought bilinearly to another height and width: how all predictions and features are resized."""
    if list(prediction.shape[-2:]) == list(size):
        return prediction
    return F.interpolate(prediction, list(size), mode="bilinear", align_corners=False)


def _two_classes(logit: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(logit), logit], 1)
