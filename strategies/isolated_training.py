"""Small networks that a strategy trains while it selects, apart from everything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from strategies.kernels.threads import one_torch_thread


@contextmanager
def apart(rng: np.random.Generator) -> Iterator[None]:
    """Inside, torch's CPU stream is seeded from ``rng``, and one thread is used; outside, all is as before.

    So what is trained inside is a function of its data and of ``rng`` alone.
    """
    seed = int(rng.integers(2**63))
    with one_torch_thread(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs too
        yield
