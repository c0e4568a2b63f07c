"""Commands on the jobs of an experiment: one of them by its number, and how far all of them are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from benchmark.cli import completion
from benchmark.cli.json_document import JSON, echo_json
from benchmark.cli.options import DATA_ROOT, DEVICE, PATH, THREADS, all_of, fields_of
from benchmark.errors import UserError


def add_commands(cli: click.Group) -> None:
    """Make these commands part of the command line."""
    for command in (run_one, status):
        cli.add_command(command)


#: Where jobs run, and how many at once.
engine_options = all_of(
    (
        click.option(
            "--engine",
            help="serial, ray or slurm. Default: serial, or ray for several jobs at once.",
            shell_complete=completion.engines,
        ),
        click.option(
            "--jobs", type=click.IntRange(1), help="Jobs at once. Default: 1; for ray all that fit."
        ),
        click.option(
            "--per-device", type=click.IntRange(1), default=1, help="Jobs that share a GPU. Default: 1."
        ),
    )
)


@click.command("run-one")
@click.argument("experiment", type=PATH)
@click.option("--out", type=PATH, help="Folder of results. Default: results/NAME, as for mtal run.")
@click.option("--index", type=int, help="Which job, counted from 0.")
@click.option("--count", is_flag=True, help="Print how many jobs there are, and do nothing.")
@DEVICE
@THREADS
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@DATA_ROOT
def run_one(
    experiment: Path, out: Path | None, index: int | None, count: bool, quiet: bool, **flags: Any
) -> None:
    """Run one job of an experiment, by its number: for any scheduler, in any order, side by side.

    The first numbers are round 0 of each seed. A job that needs one which is not there trains it.
    """
    from benchmark.api.request import asked_for
    from benchmark.execution.run_one import run_one as run_job
    from benchmark.progress import Progress
    from benchmark.protocol.jobs import numbered

    asked = asked_for(experiment, None, fields_of(flags, ()), out)
    if count:
        click.echo(len(numbered(asked.experiment)))
        return
    if index is None:
        raise UserError("--index must say which job to run; --count prints how many there are.")
    failures = run_job(asked.experiment, asked.folder, index, Progress(quiet))
    for failure in failures:
        click.echo(f"Failed: {failure}", err=True)
    sys.exit(1 if failures else 0)


@click.command()
@click.argument("folder", metavar="DIR_OR_ZIP", type=PATH)
@click.option("--watch", is_flag=True, help="Show it every few seconds, until all is done or nothing runs.")
@JSON
def status(folder: Path, watch: bool, as_json: bool) -> None:
    """Show how far every trajectory in a folder of results is: done, running, stopped, waiting or failed."""
    from benchmark.records.status import status_of, watched
    from benchmark.records.sweep_folder import is_sweep
    from benchmark.report.results.archives import opened

    if watch and as_json:
        raise UserError("--json prints one document, and --watch goes on: give one of them.")
    if is_sweep(folder):
        _status_of_sweep(folder, watch, as_json)
        return
    with opened([folder]) as (results,):
        if as_json:
            echo_json(status_of(results).document())
            return
        for table in watched(results) if watch else [status_of(results).text]:
            if watch:
                click.clear()  # does nothing where there is no terminal
            click.echo(table)


def _status_of_sweep(folder: Path, watch: bool, as_json: bool) -> None:
    """Of every variant; those that have not begun are said to be waiting."""
    from benchmark.records.results_folder import EXPERIMENT
    from benchmark.records.status import status_of
    from benchmark.records.sweep_folder import read_sweep

    if watch:
        raise UserError("--watch follows one study: give the folder of a variant.")
    found = {
        variant.label: status_of(place) if (place / EXPERIMENT).is_file() else None
        for variant in read_sweep(folder)
        for place in [folder / variant.folder]
    }
    if as_json:
        echo_json({label: state and state.document() for label, state in found.items()})
        return
    for label, state in found.items():
        click.echo(f"{label}\n{state.text if state else 'waiting: it has not begun'}\n")
