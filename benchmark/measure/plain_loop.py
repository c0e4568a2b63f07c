"""A training loop as one writes it first, for the suite's own speed to be measured against."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmark.data.decoded.rows import Row, Rows
from benchmark.data.feed import as_batch
from benchmark.networks import build_network
from benchmark.protocol.bench import Bench
from benchmark.training.losses import objective, task_losses

WORKERS = 2
WARM_UP = 3


def plain_steps(bench: Bench, iterations: int) -> float:
    """Seconds of one step: torch as it comes, a DataLoader's two workers, and the loss read.

    As it comes, its float32 has TF32 in a GPU's convolutions.
    """
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=True):
        return _plain_steps(bench, iterations)


def _plain_steps(bench: Bench, iterations: int) -> float:
    tasks, device = bench.dataset.tasks, bench.device
    network = build_network(bench.experiment.network, tasks).to(device)
    network = network.to(memory_format=torch.contiguous_format)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4)
    batches = _endless(bench)
    started = time.perf_counter()
    for step in range(WARM_UP + iterations):
        if step == WARM_UP:
            started = time.perf_counter()
        batch = as_batch([column.to(device) for column in next(batches)], tasks)
        losses = task_losses(network(batch.images), batch, tasks)
        total = objective(losses, torch.ones_like(losses.refined), tasks)
        optimiser.zero_grad()
        torch.autograd.backward(total)
        optimiser.step()
        float(total.detach())  # as most loops do, to print it
    return (time.perf_counter() - started) / iterations


def _endless(bench: Bench) -> Iterator[list[Tensor]]:
    size = min(bench.experiment.recipe.batch_size, len(bench.dataset.train.ids))
    loader = DataLoader(
        cast("Dataset[Row]", Rows(bench.dataset.train, bench.dataset.tasks)),  # decoded anew for every use
        size,
        shuffle=True,
        num_workers=WORKERS,
        drop_last=True,
        multiprocessing_context="fork",
    )
    while True:
        yield from loader
