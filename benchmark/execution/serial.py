"""The serial engine: one job after the other in this process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmark.errors import BusyError, UserError
from benchmark.execution.jobs.process import attempt
from benchmark.execution.jobs.queue import Failure, Queue
from benchmark.execution.resources import Wish
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.protocol.bench import Bench
from benchmark.protocol.open_experiment import opened
from benchmark.protocol.work_left import Job, Work
from benchmark.records.environment import device_name


class Serial:
    """Runs jobs here. Raises UserError when several at once are asked for."""

    in_process = True

    def __init__(self, experiment: Experiment, wish: Wish) -> None:
        if wish != Wish(wish.jobs and 1):
            raise UserError(
                "--engine serial runs one job at a time: leave --jobs and --per-device out, or use ray."
            )
        self._experiment = experiment

    def opened(self, out: Path, progress: Progress) -> Bench:
        """The experiment, opened to be run."""
        return opened(self._experiment, out, progress)

    def facts(self, bench: Bench) -> dict[str, Any]:
        """See ``facts_of``."""
        return facts_of(bench)

    def place(self, bench: Bench) -> str:
        """Where jobs run, in words."""
        return str(bench.device)

    def run_jobs(self, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
        """See ``run_serial``."""
        return run_serial(bench, jobs)


def facts_of(bench: Bench) -> dict[str, Any]:
    """Device, threads and determinism of this process, for ``environment.json``."""
    threads = torch.get_num_threads()
    return {"device": device_name(bench.device), "threads": threads, "deterministic": bench.deterministic}


def run_serial(bench: Bench, jobs: Iterable[Job]) -> list[Failure]:
    """Run all jobs; one that fails does not stop the others. Raises BusyError when another run has them."""
    queue = Queue(jobs, bench.progress.say)
    while queue.left:
        job = queue.take()
        if job is None:
            time.sleep(0.1)  # the next one is to be tried again, but not at once
            continue
        fault = attempt(bench, job)
        if fault and fault.cause == "busy":
            raise BusyError(fault.reason)
        queue.settle(job, fault)
    return queue.failures
