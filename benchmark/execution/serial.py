"""The serial engine: one job after the other in this process."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.bench import Bench
from benchmark.errors import BusyError, UserError
from benchmark.plan import Job, run_job
from benchmark.store import write_atomically


@dataclass(frozen=True)
class Failure:
    """A job that did not succeed, and why in one sentence."""

    job: Job
    reason: str


def run_serial(bench: Bench, jobs: Iterable[Job]) -> list[Failure]:
    """Run all jobs; one that fails does not stop the others. Raises BusyError when another run has them."""
    failures: list[Failure] = []
    for job in jobs:
        if any(failure.job == job.needs for failure in failures):
            failures.append(Failure(job, f"round 0 of seed {job.seed} failed"))
        elif failure := _attempt(bench, job):
            bench.progress.say(f"FAILED {job.label}: {failure.reason}")
            failures.append(failure)
    return failures


def _attempt(bench: Bench, job: Job) -> Failure | None:
    try:
        run_job(bench, job)
    except BusyError:
        raise
    except UserError as error:
        return Failure(job, str(error))
    except Exception as error:
        folder = bench.store.trajectory(bench.dataset.name, job.name, job.seed)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "error.txt", traceback.format_exc().encode())
        return Failure(job, f"{type(error).__name__}: {error} (see {folder / 'error.txt'})")
    return None
