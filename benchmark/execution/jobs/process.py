"""One job, wherever it runs: it goes on where it stopped, holds its folder, and says how it ended."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.experiment.config import Experiment, validated
from benchmark.experiment.discovery import discover_strategies
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench
from benchmark.protocol.jobs import folder_of
from benchmark.protocol.open_experiment import opened
from benchmark.protocol.work_left import Job, run_job, work_left
from benchmark.records.environment import device_name
from benchmark.records.faults import ERROR, Fault, fault_of
from benchmark.records.heartbeat import live
from benchmark.records.results_folder import ENVIRONMENT, results_held
from benchmark.records.round_store import to_json, write_atomically

LOG = "log.txt"


@dataclass(frozen=True)
class Order:
    """A job for another process, in values that travel: names and paths, never arrays."""

    experiment: dict[str, Any]
    out: str
    job: Job
    #: The trajectory's folder, which ``out`` holds.
    folder: str
    #: Where relative paths, such as ``FILE.py:NAME``, begin; and the rights of new files.
    cwd: str
    umask: int


class Log(Progress):
    """Keeps what a job says in a file beside its results: another process has the terminal."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def say(self, line: str) -> None:
        """Append a line."""
        with suppress(OSError), self._file.open("a", encoding="utf-8") as log:  # a full disk stops no job
            log.write(f"{line}\n")

    def finished(self, what: str) -> None:
        """Append a line; the driver knows how far the whole is."""
        self.say(what)


def order_of(bench: Bench, experiment: Experiment, job: Job) -> Order:
    """The order to do a job as this experiment says, whose device and threads are its engine's."""
    umask = os.umask(0o077)
    os.umask(umask)
    fields = experiment.model_dump(mode="json")
    return Order(fields, str(bench.store.root), job, str(folder_of(bench, job)), str(Path.cwd()), umask)


def do(order: Order) -> Fault | None:
    """Do a job in a process of its own. Nothing is raised: the fault is what comes back."""
    try:
        bench = opened_for(order)
    except Exception as error:
        return fault_of(error, Path(order.folder))
    return attempt(bench, order.job)


def opened_for(order: Order) -> Bench:
    """The experiment of an order, opened in this process, which from now on speaks to the job's log."""
    discover_strategies()
    os.umask(order.umask)
    os.chdir(order.cwd)
    Path(order.folder).mkdir(parents=True, exist_ok=True)
    log = Log(Path(order.folder) / LOG)
    warnings.showwarning = lambda message, *_, **__: log.say(str(message))
    experiment = validated(order.experiment, "the experiment")
    bench = replace(opened(experiment, Path(order.out), Progress(quiet=True)), progress=log)
    if bench.device.type == "cuda":
        _name_device(bench.store.root, device_name(bench.device))
    return bench


def attempt(bench: Bench, job: Job) -> Fault | None:
    """Do a job with this bench, giving signs of life; None if it succeeded."""
    folder = folder_of(bench, job)
    try:
        left = work_left(bench, job).iterations
        with _one_thread_count(), live(bench.progress, folder, _device_text(bench.device), left):
            run_job(bench, job)
        (folder / ERROR).unlink(missing_ok=True)
    except Exception as error:
        return fault_of(error, folder)
    return None


def _name_device(out: Path, name: str) -> None:
    """Add a GPU's name to ``environment.json``, whose writer has not seen it."""
    with results_held(out):
        environment = json.loads((out / ENVIRONMENT).read_bytes())
        names = {*environment["device"].split(", "), name} - {"cuda"}
        write_atomically(out / ENVIRONMENT, to_json(environment | {"device": ", ".join(sorted(names))}))


def _one_thread_count() -> threadpool_limits:
    """All libraries on as many threads as torch, in every engine: some sums depend on how they are split."""
    threads = torch.get_num_threads()
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for those that are not loaded yet
    return threadpool_limits(limits=threads)


def _device_text(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    index = device.index or 0
    return f"GPU {visible[index] if index < len(visible) else index}"
