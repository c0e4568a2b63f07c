"""A training loop as one writes it first, for the suite's own speed to be measured against."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmark.bench import Bench
from benchmark.data.dataset import MultiTaskDataset
from benchmark.data.feed import Batch, normalised
from benchmark.networks import build_network
from benchmark.training.train import objective, task_losses

WORKERS = 2
WARM_UP = 3


class Samples(Dataset[tuple[Tensor, dict[str, Tensor]]]):
    """The train split, decoded anew for every use."""

    def __init__(self, dataset: MultiTaskDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset.train.ids)

    def __getitem__(self, position: int) -> tuple[Tensor, dict[str, Tensor]]:
        sample = self.dataset.train[position]
        image = torch.from_numpy(sample.image.transpose(2, 0, 1).astype(np.float32) / 255)
        height, width = sample.image.shape[:2]
        labels = {
            task.name: torch.from_numpy(
                task.encode(sample.labels[task.name])
                if task.name in sample.labels
                else task.unlabelled(height, width)
            )
            for task in self.dataset.tasks
        }
        return image, labels


def plain_steps(bench: Bench, iterations: int) -> float:
    """Seconds of one step: float32, a DataLoader's two workers, the optimiser as it comes, the loss read."""
    tasks, device = bench.dataset.tasks, bench.device
    network = build_network(bench.experiment.network, tasks).to(device)
    network = network.to(memory_format=torch.contiguous_format)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4)
    batches = _endless(bench)
    started = time.perf_counter()
    for step in range(WARM_UP + iterations):
        if step == WARM_UP:
            started = time.perf_counter()
        images, labels = next(batches)
        batch = Batch(images.to(device), {task: label.to(device) for task, label in labels.items()})
        losses = task_losses(network(normalised(batch.images)), batch, tasks)
        total = objective(losses, torch.ones_like(losses.refined), tasks)
        optimiser.zero_grad()
        torch.autograd.backward(total)
        optimiser.step()
        float(total.detach())  # as most loops do, to print it
    return (time.perf_counter() - started) / iterations


def _endless(bench: Bench) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    size = min(bench.experiment.recipe.batch_size, len(bench.dataset.train.ids))
    loader = DataLoader(
        Samples(bench.dataset),
        size,
        shuffle=True,
        num_workers=WORKERS,
        drop_last=True,
        multiprocessing_context="fork",
    )
    while True:
        yield from loader
