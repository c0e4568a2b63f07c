"""A whole run of an experiment: check it against what the folder holds, plan, execute, report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.execution.resources import Wish
from benchmark.experiment.config import Experiment
from benchmark.experiment.planned import check_plan, plan_of
from benchmark.progress import Progress
from benchmark.protocol.open_experiment import opened, require_weights, trains_here
from benchmark.records.results_folder import check_agreement, held, write_head, write_results
from benchmark.records.round_store import CONSTANT
from benchmark.words import counted

if TYPE_CHECKING:
    from benchmark.execution.engine import Engine
    from benchmark.execution.jobs.queue import Failure
    from benchmark.protocol.bench import Bench
    from benchmark.protocol.work_left import Job, Work

ONE = Wish()
NOTHING = "No round was finished: there is nothing to report."


@dataclass(frozen=True)
class Outcome:
    """Where the results are, the table for the terminal, the page that shows them, and what failed."""

    folder: Path
    table: str
    page: Path | None
    failures: tuple[str, ...]


def run(
    experiment: Experiment,
    out: Path,
    progress: Progress,
    timing: bool = True,
    engine: str | None = None,
    wish: Wish = ONE,
    tracker: str | None = None,
    report: bool = True,
) -> Outcome:
    """Run all jobs of an experiment into a folder and write its report; what is stored is not done again.

    What is left to do is said before; what it will cost too, if ``timing``, unless nobody reads it or the
    jobs run elsewhere. ``tracker`` names, comma-separated, where curves are sent as well; without ``report``
    none is written. Raises BusyError when another run holds the folder.
    """
    from benchmark.execution.engine import engine_for
    from benchmark.execution.leftovers import remove_litter
    from benchmark.measure.cost_estimate import expected
    from benchmark.report import write_report
    from benchmark.tracking.sender import sending
    from benchmark.tracking.tracker import trackers

    check_agreement(experiment, out)
    require_weights(experiment, out)
    shown = trackers(tracker, out, experiment.name)
    place = engine_for(experiment, engine, wish)
    bench = place.opened(out, progress)
    jobs = _jobs(experiment, bench)
    with held(out):
        remove_litter(out)
        write_head(experiment, bench, out, place.facts(bench))
        progress.say(f"{counted(len(jobs), 'job')} on {place.place(bench)}; results in {out}")
        for line in expected(
            bench, whole(bench, jobs), _sum(jobs), timing and place.in_process and not progress.quiet
        ):
            progress.say(line)
        with sending(shown, bench, jobs):
            reasons = _table(_run_jobs(place, bench, jobs))
            if all(done.strategy == CONSTANT for done in bench.store.rounds()):
                return Outcome(out, NOTHING, None, reasons)
            written = write_report(out) if report else None
        return Outcome(out, written.text if written else "", written.page if written else None, reasons)


def run_whole(
    experiment: Experiment, out: Path, progress: Progress, engine: str | None, wish: Wish, so: str
) -> None:
    """Run all jobs without a report. Raises UserError where one failed, for nothing can be so then."""
    failures = run(experiment, out, progress, engine=engine, wish=wish, report=False).failures
    if failures:
        raise UserError(f"A training failed, so nothing can be {so}:\n" + "\n".join(failures))


def _run_jobs(engine: Engine, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
    """The jobs run, with a bar for all of them; ``results.csv`` follows whatever happens."""
    bench.progress.begin(_sum(jobs).iterations)
    try:
        failures = engine.run_jobs(bench, jobs)
        clear_checkpoints(bench, jobs.keys() - {failure.job for failure in failures})
        return failures
    finally:
        bench.progress.end()
        write_results(bench.store)


def clear_checkpoints(bench: Bench, done: Iterable[Job]) -> None:
    """Remove those of jobs that are done: a kill, just when the last round was stored, has left them."""
    from benchmark.protocol.jobs import folder_of
    from benchmark.training.checkpoint import remove_checkpoints

    for job in done:
        remove_checkpoints(folder_of(bench, job))


def dry_run(
    experiment: Experiment,
    out: Path,
    progress: Progress,
    timing: bool = True,
    engine: str | None = None,
    wish: Wish = ONE,
    tracker: str | None = None,
) -> str:
    """The jobs that a run would do, and the lines that it would begin with; nothing is written.

    It refuses what ``run`` would. Where jobs run elsewhere and this machine lacks what they need, nothing is
    timed.
    """
    from benchmark.execution.engine import engine_for
    from benchmark.measure.cost_estimate import expected
    from benchmark.tracking.tracker import trackers

    check_agreement(experiment, out)
    trackers(tracker, out, experiment.name)
    place = engine_for(experiment, engine, wish)
    here = place.in_process or trains_here(experiment)
    bench = opened(experiment, out, progress) if here else place.opened(out, progress)
    if (planned := plan_of(experiment)) is not None:
        check_plan(experiment, planned, bench.dataset.name)
    jobs = _jobs(experiment, bench)
    lines = [f"{counted(work.trainings, 'training'):<12} {job.label}" for job, work in jobs.items()]
    return "\n".join([*lines, *expected(bench, whole(bench, jobs), _sum(jobs), timing and here)])


def _jobs(experiment: Experiment, bench: Bench) -> dict[Job, Work]:
    """The jobs of an experiment with what each has left to do, in order."""
    from benchmark.protocol.work_left import plan, work_left

    return {job: work_left(bench, job) for job in plan(experiment)}


def _table(failures: list[Failure]) -> tuple[str, ...]:
    """What failed, how often it was tried, and why: one line each, in columns."""
    width = max((len(failure.job.label) for failure in failures), default=0)
    return tuple(
        f"{failure.job.label:<{width}}  {_times(failure.tries)}  {failure.reason}" for failure in failures
    )


def _times(tries: int) -> str:
    return {0: "not tried", 1: "1 try    "}.get(tries, f"{tries} tries  ")


def whole(bench: Bench, jobs: Iterable[Job]) -> Work:
    """All that these jobs are, stored or not."""
    from benchmark.protocol.work_left import Work, whole_work

    return sum((whole_work(bench, job) for job in jobs), Work())


def _sum(jobs: Mapping[Job, Work]) -> Work:
    from benchmark.protocol.work_left import Work

    return sum(jobs.values(), Work())
