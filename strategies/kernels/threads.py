"""One thread where the work is too small to share out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch on one thread inside, on as many as before outside.

    Small tensors gain nothing from more threads, which get badly in each other's way on a busy machine; and
    sums are then added in one order, whatever the number of threads outside.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
