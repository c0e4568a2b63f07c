"""The one pass over the pool: network outputs, batch by batch, turned into a strategy's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.data.feed import Feed
from benchmark.errors import UserError
from benchmark.networks import Network
from benchmark.tasks.task import Task
from benchmark.training.forward import Precision, forward
from strategies.interface import Companion, Outputs, Strategy


class BrokenMeasureError(UserError):
    """A strategy's rows are of the wrong size or not finite; the sentence names it and the images."""


def needs_pass(strategy: Strategy) -> bool:
    """Whether the strategy measures anything; one that does not costs no pass over the pool."""
    return type(strategy).measure is not Strategy.measure


@torch.no_grad()
def observe(
    network: Network,
    companion: nn.Module | None,
    feed: Feed,
    ids: Sequence[str],
    strategy: Strategy,
    name: str,
    batch_size: int,
    precision: Precision = "fp32",
) -> dict[str, NDArray[Any]]:
    """Rows of every image of the pool (N x ...), by name. Only rows are kept, never dense predictions.

    Raises BrokenMeasureError when a row is missing or not finite.
    """
    if not needs_pass(strategy):
        return {}
    network.eval()
    parts: list[Mapping[str, NDArray[Any]]] = []
    order = list(feed.in_order(batch_size))
    for positions, images in zip(order, feed.image_batches(order), strict=True):
        outputs = observed(network, companion, images, feed.tasks, strategy.views, precision)
        # A copy, because a row may be a view of a dense map, which must not live on with it.
        rows = {key: value.cpu().numpy().copy() for key, value in strategy.measure(outputs).items()}
        _check(rows, parts[0] if parts else rows, [ids[i] for i in positions.tolist()], name)
        parts.append(rows)
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def observed(
    network: Network,
    companion: nn.Module | None,
    images: Tensor,
    tasks: Sequence[Task],
    views: Sequence[str],
    precision: Precision = "fp32",
) -> Outputs:
    """Outputs for a batch of images (0..1), with the declared views and what the companion says."""
    outputs: Outputs = forward(network, images, precision)
    outputs = replace(outputs, views={view: VIEWS[view](network, images, tasks, precision) for view in views})
    if companion is None:
        return outputs
    companion.eval()
    return replace(outputs, companion=cast(Companion, companion)(outputs))


def _mirror_view(network: Network, images: Tensor, tasks: Sequence[Task], precision: Precision) -> Outputs:
    """Outputs for the mirrored images, mirrored back; normals' x is turned back too."""
    outputs: Outputs = forward(network, images.flip(-1), precision)

    def back(predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task.name: task.unmirrored_prediction(predictions[task.name]) for task in tasks}

    coarser = {
        t.name: tuple(t.unmirrored_prediction(p) for p in outputs.coarser_initial[t.name])
        for t in tasks
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


VIEWS = {"flip": _mirror_view}


def _check(
    rows: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]], ids: Sequence[str], name: str
) -> None:
    if set(rows) != set(first):
        raise BrokenMeasureError(
            f"Strategy {name!r} measured {sorted(rows)} of the images {', '.join(ids)}, "
            f"but {sorted(first)} of the first ones."
        )
    for key, values in rows.items():
        if values.shape != (len(ids), *first[key].shape[1:]):
            raise BrokenMeasureError(
                f"Strategy {name!r}: {key!r} is of shape {values.shape}, not one row for each of the "
                f"{len(ids)} images {', '.join(ids)}."
            )
        finite = np.isfinite(values.reshape(len(ids), -1)).all(1)
        if not finite.all():
            bad = ", ".join(image for image, fine in zip(ids, finite, strict=True) if not fine)
            raise BrokenMeasureError(f"Strategy {name!r}: {key!r} is not finite for the images {bad}.")
