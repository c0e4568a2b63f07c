"""One job by itself, with what it needs: for schedulers that know nothing of our order."""

from __future__ import annotations

import time
from itertools import count

from benchmark.errors import BusyError
from benchmark.execution.jobs.queue import Failure
from benchmark.execution.serial import run_serial
from benchmark.protocol.bench import Bench
from benchmark.protocol.work_left import Job

WAIT = 1.0  # seconds between two looks whether another process has finished round 0
READING = 10  # looks that others may take only to read it


def run_alone(bench: Bench, job: Job) -> list[Failure]:
    """Run a job, and before it the round 0 that it needs: trained here unless it is stored or being trained.

    Raises BusyError when another process has the job itself, and it is no round 0.
    """
    if job.kind == "round-0":
        return _when_free(bench, job)
    failures = [] if job.needs is None else _when_free(bench, job.needs)
    return failures or run_serial(bench, [job])


def _when_free(bench: Bench, job: Job) -> list[Failure]:
    for look in count():
        try:
            return run_serial(bench, [job])
        except BusyError:
            if look == READING:
                bench.progress.say(f"{job.label} is being trained by another process: waiting for it")
            time.sleep(WAIT)
    raise AssertionError  # it looks for ever
