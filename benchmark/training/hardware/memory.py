"""What happens when memory is full: passes go on with smaller batches, a training says what to change."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

from benchmark.data.decoded.rows import Say
from benchmark.data.feed import Batch, Feed
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.recipe import Recipe
from strategies.interface import Positions

Read = Callable[[Iterable[Positions]], Iterator[Batch]]
Work = Callable[[Positions, Batch], None]
#: How plain RuntimeErrors say it: torch's allocators, CUDA's libraries and, for the CPU, oneDNN.
SIGNS = re.compile(
    "can't allocate memory|not enough memory|out of memory|STATUS_ALLOC_FAILED|could not create a primitive$"
    # What cuDNN and cuBLAS say when nothing is left for their workspaces and handles. It may have another
    # cause, so errors repeat it.
    "|unable to find an engine|[Uu]nable to find a valid cuDNN algorithm"
    "|CU(DNN|BLAS)_STATUS_NOT_INITIALIZED|_(HOST|DEVICE)_ALLOCATION_FAILED"
)


def in_parts(feed: Feed, size: int, read: Read, work: Work, say: Say) -> None:
    """Do ``work`` on all images of the feed in order, in batches of ``size`` that ``read`` gives.

    A batch for which memory is full is halved, and so are all that follow; ``say`` is told once. So ``work``
    may be called again for the same images: it must keep nothing of a batch for which it raises. Raises
    UserError when one image alone is too much.
    """
    order, fits = list(feed.in_order(size)), size
    while True:
        done, error = _until_full(order, read, work)
        if not (order := order[done:]):
            break
        fits = _half(len(order[0]), feed.device, error)
        left = np.concatenate(order)
        order = [left[start : start + fits] for start in range(0, len(left), fits)]
    if fits < size:
        say(
            f"The memory of {feed.device} is too small for {size} images at a time "
            f"(recipe.evaluation_batch_size): took {fits} at a time"
        )


@contextmanager
def memory_for_training(feed: Feed, network: NetworkConfig, recipe: Recipe) -> Iterator[None]:
    """Let a block of training raise UserError, which says what to change, where memory is full."""
    size = feed.images(np.zeros(1, np.int64)).shape[-2:]  # now, while there is memory for an image
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_full(error):
            raise
        height, width = map(min, size, recipe.augmentation.crop or size)
        raise UserError(
            f"The memory of {feed.device} is too small to train {network.name} with backbone "
            f"{network.backbone} in {recipe.precision} on {recipe.batch_size} images (recipe.batch_size) of "
            f"{height} x {width} at a time: {_advice(recipe)}{_said(error)}."
        ) from None


def _advice(recipe: Recipe) -> str:
    lower = "lower recipe.batch_size, for all strategies alike, because that is another recipe"
    return lower if recipe.precision == "bf16" else f"set recipe.precision to bf16, or {lower}"


def _is_full(error: MemoryError | RuntimeError) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(SIGNS.search(str(error)))


def _said(error: MemoryError | RuntimeError) -> str:
    """What an error said, unless it said in so many words that memory is full."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "memory" in str(error):
        return ""
    return f" (torch said: {str(error).strip().splitlines()[0].rstrip('.')})"


def _until_full(order: Sequence[Positions], read: Read, work: Work) -> tuple[int, str]:
    """How many batches were done before memory was full, and what was said then."""
    done = 0
    try:
        for positions, batch in zip(order, read(order), strict=True):
            with nullcontext() if len(positions) == len(order[0]) else _no_search_for_kernels():
                work(positions, batch)
            done += 1
    except (MemoryError, RuntimeError) as error:
        if not _is_full(error):
            raise
        return done, _said(error)  # its text alone: the error would keep alive all that its frames hold
    return done, ""


@contextmanager
def _no_search_for_kernels() -> Iterator[None]:
    """Let cuDNN take the kernels it expects to be fast: to time them all is not worth one smaller batch."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _half(images: int, device: torch.device, said: str) -> int:
    if images == 1:
        raise UserError(
            f"The memory of {device} is too small for a single image: make images smaller (data.height and "
            "data.width, or the files themselves), choose another device, or set recipe.precision to "
            f"bf16{said}."
        )
    gc.collect()  # the failed attempt's exception is gone, and now all that its frames held
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return -(-images // 2)
