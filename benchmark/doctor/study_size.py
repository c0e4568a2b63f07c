"""The numbers of a study that its needs follow from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.data.dataset import MultiTaskDataset
    from benchmark.experiment.config import Experiment


@dataclass(frozen=True)
class Study:
    """Counts; bytes of decoded rows of both splits and of one training batch; trained parameters."""

    counts: tuple[int, ...]
    seeds: int
    strategies: int
    #: Strategies that look at the pool, and may score every image of it.
    measuring: int
    full_data: bool
    pool: int
    #: Characters of an image's id.
    id_length: float
    tasks: int
    #: Of the network, and of the network with all that strategies train beside it.
    parameters: int
    parameters_beside: int
    rows: float
    batch: float
    #: Bytes of the maps of a frozen backbone, of all images and their mirror images; 0 if it is trained.
    maps: float = 0


def study_of(experiment: Experiment, dataset: MultiTaskDataset) -> Study:
    """Of an experiment on its data. Decodes one image a split, and makes the network without memory."""
    from benchmark.authoring.strategy_needs import passes
    from benchmark.data.decoded.rows import Rows
    from benchmark.experiment.config import budget_counts
    from benchmark.protocol.work_left import strategies_of

    strategies = strategies_of(experiment)
    pool, val = (Rows(split, dataset.tasks) for split in (dataset.train, dataset.val))
    network, beside = _parameters(experiment, dataset)
    ids = dataset.train.ids
    return Study(
        counts=tuple(budget_counts(experiment.budgets, len(ids))),
        seeds=len(experiment.seeds),
        strategies=len(strategies),
        measuring=sum(passes(strategy) > 0 for strategy in strategies.values()),
        full_data=experiment.full_data,
        pool=len(ids),
        id_length=sum(map(len, ids)) / len(ids),
        tasks=len(dataset.tasks),
        parameters=network,
        parameters_beside=beside,
        rows=pool.size + val.size,
        batch=pool.size / len(pool) * experiment.recipe.batch_size,
        maps=_maps(experiment, dataset),
    )


def _parameters(experiment: Experiment, dataset: MultiTaskDataset) -> tuple[int, int]:
    import torch

    from benchmark.networks import build_network
    from benchmark.protocol.work_left import strategies_of

    config = experiment.network.model_copy(update={"pretrained": False})  # as many, and nothing is read
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network = build_network(config, dataset.tasks)
        companions = [strategy.companion(network.shapes) for strategy in strategies_of(experiment).values()]
    own = _count(network)
    return own, own + sum(_count(module) for module in companions if module is not None)


def _maps(experiment: Experiment, dataset: MultiTaskDataset) -> float:
    """Both splits' maps; the network makes those of one image without memory."""
    if not experiment.network.frozen:
        return 0
    import torch

    from benchmark.networks import build_network
    from benchmark.training.kept_maps import kept_bytes

    height, width = dataset.train[0].image.shape[:2]
    config = experiment.network.model_copy(update={"pretrained": False})
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        maps = build_network(config, dataset.tasks).trunk_maps(torch.empty(1, 3, height, width))
    splits = [split for split in (dataset.train, dataset.val, dataset.apart) if split is not None]
    return kept_bytes(maps, sum(len(split.ids) for split in splits))


def _count(module: Any) -> int:
    return sum(weight.numel() for weight in module.parameters())


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    absolute = folder.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.is_dir())
