"""What the pool's labels and groups say: for references, which are told, and for metrics of rare classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.feed import READ, Feed
from benchmark.errors import UserError
from benchmark.tasks.task import Task
from strategies.interface import Positions, Scores, Strategy


def class_shares(feed: Feed) -> dict[str, Scores]:
    """By categorical task, the share of each image's labelled pixels that each class has.

    N x C, in order of the feed; NaN for an image without a label.
    """
    tasks = [task for task in feed.tasks if task.kind == "categorical"]
    shares = {task.name: np.full((len(feed), task.channels), np.nan) for task in tasks}
    order = list(feed.in_order(READ)) if tasks else []
    for positions, batch in zip(order, feed.batches(order), strict=True):
        for task in tasks:
            for position, label in zip(positions, batch.labels[task.name], strict=True):
                classes = label[task.valid(label[None])[0]].long()
                counts = classes.bincount(minlength=task.channels).double().cpu().numpy()
                shares[task.name][position] = counts / counts.sum() if counts.sum() else np.nan
    return shares


def told(tasks: tuple[Task, ...], shares: Mapping[str, Scores]) -> tuple[Task, ...]:
    """The tasks as they are evaluated beside a pool with these shares of classes."""
    return tuple(task.beside(shares[task.name]) if task.name in shares else task for task in tasks)


def check_facts(strategy: Strategy, dataset: MultiTaskDataset, frozen: bool = False) -> None:
    """Raise ValueError for a strategy that wants to know what it may not, or what nobody knows.

    ``frozen`` says whether the network's trunk is: an oracle trains many times what lies behind it.
    """
    if strategy.knows and not strategy.reference:
        raise ValueError(f"it knows {' and '.join(strategy.knows)}, which only references are told")
    if "groups" in strategy.knows and dataset.groups is None:
        raise ValueError(
            "it needs groups of images, such as the frames of a video, and this data set says none "
            "(rooms-video does; a data set of folders does by the field groups)"
        )
    if "usefulness" in strategy.knows:
        _check_oracle(dataset, frozen)


def _check_oracle(dataset: MultiTaskDataset, frozen: bool) -> None:
    if dataset.apart is None:
        raise ValueError(
            "it judges by training images that are in no pool, and none are set apart: set "
            "oracle_split, such as 0.1, for all strategies of the study alike"
        )
    if not frozen:
        raise ValueError(
            "it trains many networks for one choice, which only a frozen trunk makes affordable: set "
            "network.frozen and network.pretrained"
        )


def check_trunk(strategy: Strategy, frozen: bool) -> None:
    """Raise ValueError for a strategy that reads a frozen trunk's maps where the backbone is trained."""
    if strategy.frozen_trunk and not frozen:
        raise ValueError(
            "it reads the maps of a frozen trunk, and this network's backbone is trained: set network.frozen "
            "and network.pretrained, or let it read other features"
        )


def group_numbers(dataset: MultiTaskDataset) -> Positions:
    """The group of each of the pool's N images, as a number. Raises UserError for an image without one."""
    groups = dataset.groups or {}
    missing = next((image for image in dataset.train.ids if image not in groups), None)
    if missing is not None:
        raise UserError(f"{dataset.name} says groups of its images, but none of {missing!r}.")
    names = [groups[image] for image in dataset.train.ids]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
