"""How time and memory of every strategy's choice grow with the pool: rows are made up, and no network is run.

``python tests/perf/growth.py`` prints the table of docs/performance.md; ``test_growth.py`` asks the same
of small pools. Rows are mixtures of those that the strategy measures of made-up outputs whose backbone has
128 channels, so that all are different and each is what the strategy may meet.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import baselines  # noqa: F401 - registers the built-in strategies
from strategies.choosing import choose
from strategies.contract import made_up_outputs
from strategies.ensemble import trains_a_module
from strategies.interface import Outputs, Pool
from strategies.probe import Probe, pool_of
from strategies.registry import entries, names_of, resolve

IMAGES, WIDTHS, TASK_WIDTH = 96, (32, 96), 32
#: Labelled before, and chosen.
LABELLED = BUDGET = 100
MIXED = 4  # rows in a mixture


@lru_cache(2)
def outputs_for(has_a_module: bool) -> Outputs:
    """Made-up outputs of images whose backbone features have 128 channels.

    Modules are made for the widths of the contract, and are shown those: what they say is a score an image.
    """
    stream, plain = torch.Generator().manual_seed(1), made_up_outputs(images=IMAGES)
    if has_a_module:
        return plain
    stages = tuple(torch.rand(IMAGES, width, 2, 2, generator=stream) for width in WIDTHS)
    task = {name: torch.randn(IMAGES, TASK_WIDTH, 2, 2, generator=stream) for name in plain.task_features}
    return replace(plain, backbone_features=stages, task_features=task)


def pool_of_rows(name: str, count: int) -> Pool:
    """A pool of so many images for a strategy, the first ones labelled."""
    named, rng = resolve(name), np.random.default_rng(0)
    outputs = outputs_for(trains_a_module(named.create()))
    measured = Probe(named).pool(outputs).rows
    where = rng.integers(0, IMAGES, (count, MIXED))
    share = rng.dirichlet(np.ones(MIXED), count)
    rows = {row: mixed(values, where, share) for row, values in measured.items()}
    return pool_of(named.create(), outputs.tasks, rows, count, LABELLED, seed=0)


def mixed(values: NDArray[Any], where: NDArray[Any], share: NDArray[Any]) -> NDArray[Any]:
    """Weighted means of rows (N x ..); of what is no number of its own, the first."""
    if not np.issubdtype(values.dtype, np.floating):
        return values[where[:, 0]]
    made = np.zeros((len(where), *values.shape[1:]), values.dtype)
    for place in range(MIXED):
        weight = share[:, place].reshape(-1, *[1] * (values.ndim - 1))
        made += (weight * values[where[:, place]]).astype(values.dtype)
    return made


def seconds(name: str, count: int, repeats: int = 1) -> float:
    """The processor's least seconds of so many choices."""
    pool, taken = pool_of_rows(name, count), []
    for _ in range(repeats):
        fresh = replace(pool, rng=np.random.default_rng(1))
        begun = time.process_time()
        choose(resolve(name).create(), name, fresh, BUDGET)
        taken.append(time.process_time() - begun)
    return min(taken)


def exponent(counts: Sequence[int], taken: Sequence[float]) -> float:
    """The power of the number of images that the time grows with, between the last two."""
    return float(np.log(taken[-1] / taken[-2]) / np.log(counts[-1] / counts[-2]))


def strategies() -> list[str]:
    """All built-in ones that can choose from made-up rows, under their own and their short names."""
    every = {name for entry in entries().values() for name in names_of(entry)}
    return sorted(name for name in every if not resolve(name).create().required)


def one(name: str, count: int) -> str:
    """Seconds and peak megabytes beside the rows of one choice, in this process."""
    seconds(name, 1000)  # imports and first uses
    pool = pool_of_rows(name, count)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = memory("VmRSS"), time.process_time()
    choose(resolve(name).create(), name, pool, BUDGET)
    return f"{time.process_time() - begun} {memory('VmHWM') - before}"


def memory(what: str) -> float:
    """Megabytes of this process now (VmRSS) or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(what))) / 1024


def row(name: str, counts: Sequence[int], limit: float) -> list[str]:
    """A strategy's line; a size that would take over ``limit`` seconds, by what came before, is left out."""
    cells, taken, done = [name], [], []
    for count in counts:
        if len(taken) > 1 and taken[-1] * (count / done[-1]) ** max(exponent(done, taken), 1) > limit:
            cells.append("over")
            continue
        said = subprocess.run(  # peak memory is that of a process
            [sys.executable, __file__, "--one", name, str(count)], capture_output=True, text=True, check=True
        )
        second, megabytes = map(float, said.stdout.split())
        taken.append(second)
        done.append(count)
        cells.append(f"{second:.3g} s, {megabytes:.0f} MB")
    return [*cells, f"{exponent(done, taken):.2f}" if len(taken) > 1 else ""]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("STRATEGY", "IMAGES"))
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds of one choice")
    parser.add_argument("names", nargs="*", help="strategies; all if none is named")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.one:
        print(one(asked.one[0], int(asked.one[1])))
        return
    print("| strategy |", " | ".join(f"{count:,}" for count in asked.counts), "| exponent |")
    print("|---|" + "---|" * (len(asked.counts) + 1))
    for name in asked.names or strategies():
        print("|", " | ".join(row(name, asked.counts, asked.limit)), "|", flush=True)


if __name__ == "__main__":
    main()
