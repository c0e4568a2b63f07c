"""One job of an experiment by its number: the piece that any scheduler can run, as often as it likes."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.progress import Progress
from benchmark.protocol.jobs import Job, numbered


def job_of(experiment: Experiment, index: int) -> Job:
    """The job of this number. Raises UserError for a number that there is not."""
    jobs = numbered(experiment)
    if not 0 <= index < len(jobs):
        raise UserError(f"--index must be from 0 to {len(jobs) - 1}, one of {len(jobs)} jobs, not {index}.")
    return jobs[index]


def run_one(experiment: Experiment, out: Path, index: int, progress: Progress) -> tuple[str, ...]:
    """Run a job into a folder of results; returns why it failed, if it did.

    Jobs may run in any order and side by side: one that needs a round 0 trains it, or waits for the process
    that does. Raises BusyError when another process has this very job.
    """
    from benchmark.execution.leftovers import remove_litter_of_jobs
    from benchmark.execution.run import clear_checkpoints
    from benchmark.execution.serial import facts_of
    from benchmark.execution.single_job import run_alone
    from benchmark.protocol.open_experiment import opened, require_weights
    from benchmark.protocol.work_left import Work, work_left
    from benchmark.records.results_folder import check_agreement, write_head, write_results

    job = job_of(experiment, index)
    check_agreement(experiment, out)
    require_weights(experiment, out)
    bench = opened(experiment, out, progress)
    remove_litter_of_jobs(out)
    write_head(experiment, bench, out, facts_of(bench))
    progress.say(f"Job {index} of {experiment.name or out}: {job.label}")
    left = work_left(bench, job) + (work_left(bench, job.needs) if job.needs else Work())
    progress.begin(left.iterations)
    try:
        failures = run_alone(bench, job)
        clear_checkpoints(bench, [] if failures else [job])
    finally:
        progress.end()
        write_results(bench.store)
    return tuple(f"{failure.job.label}: {failure.reason}" for failure in failures)
