"""What all jobs of an experiment share in one process: the experiment, the data on the device, the store."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.utils.deterministic

from benchmark.data.checks.before_run import require_sound
from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.development import with_development_split
from benchmark.data.feed import Feed, open_feed
from benchmark.data.set_apart import with_images_set_apart
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset
from benchmark.experiment.config import Experiment, budget_counts
from benchmark.experiment.recipe import Recipe
from benchmark.networks import Network, build_network, placed
from benchmark.networks.normalisation import Normalisation, normalisation_of
from benchmark.networks.weights.at_hand import timms_own
from benchmark.networks.weights.packaged import file_digest, weights_file
from benchmark.progress import Progress
from benchmark.protocol.first_labelled_set import random_set, turns_of_tasks
from benchmark.protocol.pool_facts import check_facts, check_trunk, class_shares, group_numbers, told
from benchmark.protocol.prices import check_draws, prices
from benchmark.random_streams import Streams
from benchmark.records.round_store import Store
from benchmark.training.hardware.cores import default_threads
from benchmark.training.hardware.devices import pick_device
from benchmark.training.hardware.memory_allocator import keep_freed_memory
from benchmark.training.kept_maps import with_kept_maps
from strategies.interface import Known, Labels, Positions, Scores, Strategy
from strategies.labels_bought import as_labels, paid_in_order
from strategies.registry import resolve


@dataclass(frozen=True)
class Bench:
    """An experiment ready to run."""

    experiment: Experiment
    dataset: MultiTaskDataset
    counts: tuple[int, ...]
    device: torch.device
    deterministic: bool
    store: Store
    progress: Progress

    @cached_property
    def pool(self) -> Feed:
        """The train split."""
        return self._feed("train")

    @cached_property
    def val(self) -> Feed:
        """The validation split."""
        return self._feed("val")

    @cached_property
    def judged(self) -> Feed:
        """The validation split as networks are evaluated on it: its tasks know the pool's rare classes."""
        feed = copy.copy(self.val)
        feed.tasks = told(feed.tasks, self.class_shares)
        return feed

    @cached_property
    def class_shares(self) -> Mapping[str, Scores]:
        """Shares of classes in the pool's labels (see ``pool_facts``), for references and metrics alone."""
        return class_shares(self.pool)

    def known(self, strategy: Strategy) -> Known:
        """What a strategy is told of the pool: nothing, unless it is a reference that says what it knows."""
        if not strategy.reference:
            return Known()
        groups = group_numbers(self.dataset) if "groups" in strategy.knows else None
        return Known(groups, self.class_shares if "classes" in strategy.knows else {})

    @cached_property
    def costs(self) -> Scores:
        """The price of every label of the pool (N x T): all those of an image are 1 on average.

        Raises UserError for prices of other tasks than there are.
        """
        return prices(self.experiment.costs, self.experiment.cost_columns, self.dataset)

    @cached_property
    def apart(self) -> Feed:
        """Training images in no pool, by which an oracle judges. Raises ValueError without any."""
        return self._feed("apart")

    def _feed(self, split: Literal["train", "val", "apart"]) -> Feed:
        home, say = self.experiment.feed, self.progress.say
        feed = open_feed(self.dataset, split, self.device, home, say)
        return with_kept_maps(feed, self._frozen, self.dataset.key, home, say) if self._frozen else feed

    @cached_property
    def _frozen(self) -> Network | None:
        """A network with the frozen backbone of all others, whose maps are kept; None if it is trained."""
        network = self.experiment.network
        if not network.frozen:
            return None
        with torch.random.fork_rng(devices=[]):
            return placed(build_network(network, self.dataset.tasks), self.device)

    @cached_property
    def position_of(self) -> dict[str, int]:
        """Positions in the pool by image id."""
        return {image: position for position, image in enumerate(self.dataset.train.ids)}

    @cached_property
    def pretrained(self) -> Mapping[str, str]:
        """What tells pre-trained weights: sha256 of a file, given or a package's, or timm's name of its own.

        Empty for fresh ones. Raises UserError for a file that is none.
        """
        network = self.experiment.network
        file = weights_file(network.backbone, network.pretrained)
        if file is None:
            own = timms_own(network.backbone) if network.pretrained else None
            return {"timm": own} if own else {}
        if not file.is_file():  # a pipe would make the reader wait
            raise UserError(f"network.pretrained: {file} is no file; give a file of weights.")
        return {"sha256": file_digest(file)}

    @cached_property
    def normalisation(self) -> Normalisation:
        """What the network's images are normalised by."""
        return normalisation_of(self.experiment.network)

    def steps_for(self, recipe: Recipe, labelled: int) -> int:
        """Iterations of a training on so many images of the pool, in those on labels alone."""
        return recipe.steps_for(labelled, len(self.dataset.train.ids) - labelled)

    def streams(self, seed: int, number: int) -> Streams:
        """The random streams of a round."""
        return Streams(self.dataset.name, seed, number)

    def first_set(self, seed: int) -> Positions:
        """The first labelled set of a seed, the same for every strategy and whatever the pool's order."""
        return self.first_labels(seed)[0]

    def first_labels(self, seed: int) -> tuple[Positions, Labels | None]:
        """The same set, and which labels of the pool it has (N x T), where it was not bought whole."""
        if self.experiment.first_labels == "images":
            return self._first_images(seed), None
        order = turns_of_tasks(self.dataset.train.ids, len(self.dataset.tasks), self.streams(seed, 0))
        paid = order.at(paid_in_order(self.costs[order.images, order.tasks], self.counts[0]))
        positions = paid.images[np.sort(np.unique(paid.images, return_index=True)[1])]
        return positions, as_labels(paid, *self.costs.shape)

    def _first_images(self, seed: int) -> Positions:
        # By their prices: where images cost the same, as many as the budget has.
        order = self.random_set(seed, len(self.dataset.train.ids))
        paid = paid_in_order(self.costs[order].sum(1), self.counts[0])
        if not len(paid):
            raise UserError(f"budgets: the first, {self.counts[0]}, pays for no image of the pool.")
        return order[paid]

    def random_set(self, seed: int, count: int) -> Positions:
        """So many random images of the pool; the sets of one seed lie in each other."""
        return random_set(self.dataset.train.ids, self.streams(seed, 0), count)

    def ids_at(self, positions: Iterable[int] | Positions) -> list[str]:
        """The ids of images of the pool."""
        ids = self.dataset.train.ids
        return [ids[position] for position in positions]


def open_bench(experiment: Experiment, out: Path, progress: Progress) -> Bench:
    """Open the data set, validate what depends on it, and set up the device.

    Raises UserError for broken data, labels that cannot be meant so, budgets that do not fit the pool,
    unknown tasks or options of tasks, strategies that cannot work with these tasks, a missing GPU.
    """
    device = pick_device(experiment.device)
    dataset = data_of(experiment)
    if dataset.origin:
        progress.say(f"Data: {dataset.origin}{_size_of(dataset)}")
    # Before anything that takes long: labels that cannot be meant so are told before the first iteration.
    require_sound(dataset, progress.say)
    dataset = _with_task_settings(dataset, experiment)
    counts = budget_counts(experiment.budgets, len(dataset.train.ids))
    _check_strategies(experiment, dataset)
    deterministic = set_up_torch(experiment, device)
    return Bench(experiment, dataset, tuple(counts), device, deterministic, Store(out), progress)


def _size_of(dataset: MultiTaskDataset) -> str:
    """The size that images are brought to, which a preset may say where a YAML file says another."""
    match dataset.facts.get("size"):  # one's own data may call anything so
        case [height, width]:
            return f", images of {height} x {width} pixels (height x width)"
    return ""


def data_of(experiment: Experiment) -> MultiTaskDataset:
    """The data that an experiment asks for. Raises UserError for unknown names, options and broken files."""
    dataset = open_dataset(experiment.dataset, experiment.data, experiment.data_root)
    if experiment.development is not None:
        dataset = with_development_split(dataset, experiment.development)
    if experiment.oracle_split is not None:
        dataset = with_images_set_apart(dataset, experiment.oracle_split)
    return dataset


def set_up_torch(experiment: Experiment, device: torch.device) -> bool:
    """Set threads, determinism and kernels; returns whether repetition gives the same bits."""
    wanted = experiment.deterministic
    # The CPU repeats its bits at little cost; on a GPU that costs speed, and is on request.
    deterministic = device.type == "cpu" if wanted is None else wanted
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # must stand before CUDA starts
    if device.type == "cpu":
        keep_freed_memory()
    torch.set_num_threads(experiment.threads or default_threads())
    torch.use_deterministic_algorithms(deterministic)
    # Nothing reads uninitialised memory, and filling it costs 5 %.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # What the search for the fastest kernel finds depends on the moment, and other kernels have other last
    # bits.
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.allow_tf32 = experiment.recipe.precision == "tf32"  # torch's own default is yes
    return deterministic


def _check_strategies(experiment: Experiment, dataset: MultiTaskDataset) -> None:
    specs = tuple(task.spec for task in dataset.tasks)
    table = prices(experiment.costs, experiment.cost_columns, dataset)
    for named in map(resolve, experiment.strategies):
        try:
            strategy = named.create()
            strategy.check(specs)
            check_facts(strategy, dataset, frozen=experiment.network.frozen)
            check_trunk(strategy, experiment.network.frozen)
            check_draws(strategy, table, experiment.first_labels)
        except ValueError as error:
            raise UserError(f"Strategy {named.name!r} cannot run on {dataset.name}: {error}.") from error


def _with_task_settings(dataset: MultiTaskDataset, experiment: Experiment) -> MultiTaskDataset:
    """The data set, its tasks with the experiment's weights and options."""
    weights, options = experiment.task_weights, experiment.tasks
    names = [task.name for task in dataset.tasks]
    for field, given in (("task_weights", weights), ("tasks", options)):
        if unknown := sorted(set(given) - set(names)):
            raise UserError(f"{field}: {dataset.name} has no task {unknown[0]}; it has {', '.join(names)}.")
    changed = (task.changed(weights.get(task.name), options.get(task.name, {})) for task in dataset.tasks)
    return replace(dataset, tasks=tuple(changed))
