"""The one pass over the pool: network outputs, batch by batch, turned into a strategy's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.data.decoded.rows import Say
from benchmark.data.feed import Batch, Feed
from benchmark.errors import UserError
from benchmark.networks import Network
from benchmark.random_streams import Streams
from benchmark.training.forward import Precision
from benchmark.training.hardware.memory import in_parts
from benchmark.training.losses import task_losses
from benchmark.training.views import DROPOUT, Shown, check_views, views_of
from strategies.interface import Companion, Outputs, Positions, Strategy
from strategies.measuring import MeasureError, measured

Measured = dict[str, NDArray[Any]]


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
    strategy: Strategy,
    name: str,
    streams: Streams,
    batch_size: int,
    precision: Precision = "fp32",
    say: Say = lambda _: None,
) -> Measured:
    """Rows of every image of the pool (N x ...), by name. Only rows are kept, never dense predictions.

    Labels are read for a strategy that is a ``reference``, and for no other. Where memory is full, batches
    are made smaller, and ``say`` is told. Raises BrokenMeasureError when a row is missing or not finite, and
    UserError for a view that there is not and for a single image that does not fit into memory.
    """
    if not needs_pass(strategy):
        return {}
    check_views(strategy.views, name)
    network.eval()
    parts: list[Measured] = []

    def measure(positions: Positions, batch: Batch) -> None:
        ids = [feed.ids[i] for i in positions.tolist()]
        shown = Shown(network, batch.images, ids, feed.tasks, streams, precision, batch.maps)
        rows = _measured(strategy, observed(shown, companion, strategy, batch), name)
        _check(rows, parts[0] if parts else rows, ids, name)
        parts.append(rows)

    read = partial(feed.batches, labels=strategy.reference)
    in_parts(feed, batch_size, read, measure, say)
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _measured(strategy: Strategy, outputs: Outputs, name: str) -> Measured:
    try:
        return measured(strategy, outputs)
    except MeasureError as error:
        raise BrokenMeasureError(f"Strategy {name!r}: {error}.") from error


def observed(shown: Shown, companion: nn.Module | None, strategy: Strategy, batch: Batch) -> Outputs:
    """What a strategy sees of a batch: outputs, views, its companion's words, and a reference's losses."""
    # Dropout views start from the same maps of the backbone, so a strategy that edits its outputs gets
    # copies.
    outputs = shown.view("", keep_maps=any(view.startswith(DROPOUT) for view in strategy.views))
    if strategy.frozen_trunk:
        outputs = replace(outputs, trunk_features=shown.trunk_features)
    if strategy.views:
        outputs = replace(outputs, views=views_of(strategy.views, shown))
    if companion is not None:
        # In the mode of evaluation, or what it says of an image would depend on the batch.
        outputs = replace(outputs, companion=cast(Companion, companion.eval())(outputs))
    # The only place where anything computed from labels reaches a strategy.
    if strategy.reference:
        outputs = replace(outputs, true_losses=task_losses(outputs, batch, shown.tasks).told)
    return outputs


def _check(rows: Measured, first: Measured, ids: Sequence[str], name: str) -> None:
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
        # Ranks and distances of NaN would choose something all the same, and nobody would notice.
        finite = [bool(np.isfinite(row).all()) for row in values]
        if not all(finite):
            bad = ", ".join(image for image, fine in zip(ids, finite, strict=True) if not fine)
            raise BrokenMeasureError(f"Strategy {name!r}: {key!r} is not finite for the images {bad}.")
