"""Which jobs have nothing left to do: reading them back is not worth a process and a device of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmark.progress import Progress
from benchmark.protocol.bench import Bench
from benchmark.protocol.work_left import Job, Work, rounds_of, work_left


def to_do(bench: Bench, jobs: Mapping[Job, Work]) -> dict[Job, Work]:
    """The jobs that still have something to do; a round 0 only where a trajectory of its seed has,
    or where the constant prediction of its seed is missing."""
    left = {job for job in jobs if job.kind != "round-0" and not is_stored(bench, job)}
    needed = {job.needs for job in left if job.needs is not None}
    left |= {job for job, work in jobs.items() if work.constants}
    left |= {job for job in needed if jobs[job] != Work()}
    return {job: work for job, work in jobs.items() if job in left}


def is_stored(bench: Bench, job: Job) -> bool:
    """Whether all results of a job are stored, under the keys of this experiment."""
    if job.kind == "round-0":
        return work_left(bench, job) == Work()
    quiet = replace(bench, progress=Progress(quiet=True))
    try:
        return None not in rounds_of(quiet, job)
    except Exception:  # the job meets the same error, and says it where it is read
        return False
