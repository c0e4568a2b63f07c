"""Commands that train: a run, and the speed of this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completion
from benchmark.cli.jobs import engine_options
from benchmark.cli.options import (
    DATA_ROOT,
    DEVICE,
    NETWORK,
    PATH,
    THREADS,
    dataset_option,
    echo,
    fields_of,
    preset_option,
    settings_option,
    study_options,
)

if TYPE_CHECKING:
    from benchmark.api.request import Asked, Way
    from benchmark.api.sweeping import Plan


def add_commands(cli: click.Group) -> None:
    """Make these commands part of the command line."""
    for command in (run, profile):
        cli.add_command(command)


@click.command()
@study_options(
    "A built-in data set (mtal list datasets), the YAML file of your own, or FILE.py:NAME.",
    "Size: quick, standard; with some data smoke, paper, cpu, frozen (mtal list presets). Default: quick.",
    "Any field: recipe.iterations=500.",
)
@click.option(
    "--vary",
    multiple=True,
    metavar="FIELD=A,B",
    help="A study for each value of a field (network.name=pad_net,mti_net); for each combination of several.",
)
@DEVICE
@THREADS
@click.option("--out", type=PATH, help="Folder of results. Default: results/NAME.")
@engine_options
@click.option(
    "--tracker",
    help="Send curves as they come to tensorboard, wandb, mlflow, or several (a,b).",
    shell_complete=completion.trackers,
)
@click.option(
    "--plan",
    type=PATH,
    help="A plan of `mtal plan`: kept beside the results, and what their report tests by.",
)
@click.option("--dry-run", is_flag=True, help="Print the jobs and what they would cost, and do nothing.")
@click.option("--timing/--no-timing", default=True, help="Say beforehand what the run will cost, or do not.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
@DATA_ROOT
def run(
    experiment: Path | None,
    settings: tuple[str, ...],
    vary: tuple[str, ...],
    out: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train all strategies over seeds and budgets, and write tables and figures.

    Run the same command again to go on after an interruption, or with more strategies or seeds to add them.
    Relative paths in the YAML file of an experiment are relative to that file, those of options to the folder
    that you are in.
    """
    from benchmark.api.request import Way, asked_for
    from benchmark.api.sweeping import planned
    from benchmark.execution.resources import Wish
    from benchmark.execution.run import run as run_experiment
    from benchmark.experiment.sweep import parse_vary
    from benchmark.progress import Progress

    preset, only_planned, timing = (flags.pop(name) for name in ("preset", "dry_run", "timing"))
    wish = Wish(flags.pop("jobs"), flags.pop("per_device"))
    way = Way(Progress(quiet), timing, flags.pop("engine"), wish, flags.pop("tracker"))
    fields = fields_of(flags, settings)
    if vary:
        sweep = planned(experiment, preset, fields, parse_vary(vary), out)
        _dry_sweep(sweep, way) if only_planned else _run_sweep(sweep, way)
        return
    asked = asked_for(experiment, preset, fields, out)
    if only_planned:
        echo(_dry_run(asked, way))
        return
    outcome = run_experiment(asked.experiment, asked.folder, *way)
    echo(f"\n{outcome.table}\n")
    if outcome.page:
        click.echo(f"Look at it in a browser: {outcome.page}")
        click.echo("The same command with more --seeds or --strategies adds them.")
    click.echo(f"Tables, figures and raw results: {outcome.folder}")
    _end(outcome.failures)


def _dry_run(asked: Asked, way: Way) -> str:
    from benchmark.execution.run import dry_run

    how = way.progress, way.timing, way.engine, way.wish, way.tracker  # it writes no report
    return dry_run(asked.experiment, asked.folder, *how)


def _dry_sweep(sweep: Plan, way: Way) -> None:
    echo(sweep.text)
    for variant, asked in sweep.asked.items():
        echo(f"\n{variant.label}\n{_dry_run(asked, way)}")


def _run_sweep(sweep: Plan, way: Way) -> None:
    from benchmark.api.sweeping import failures_of, run_planned
    from benchmark.report.sweep import write_sweep_report

    way.progress.say(sweep.text)
    failures = failures_of(run_planned(sweep, way))
    written = write_sweep_report(sweep.folder, each=False, show=lambda text: echo(f"\n{text}\n"))
    click.echo(f"Look at it in a browser: {written.page}")
    click.echo(f"Tables, the figure and a folder of results for each variant: {sweep.folder}")
    _end(failures)


def _end(failures: Sequence[str]) -> None:
    """With exit code 1 and what failed, if anything did."""
    if failures:
        click.echo("\nFailed:\n" + "\n".join(f"  {failure}" for failure in failures), err=True)
        sys.exit(1)


@click.command()
@dataset_option("A data set by name, the YAML file of your own, or FILE.py:NAME. Default: rooms.")
@preset_option("The preset whose network and recipe are measured. Default: quick.")
@NETWORK
@settings_option("Any field: network.width=64.")
@DEVICE
@THREADS
@click.option("--iterations", type=click.IntRange(1), default=20, help="Training steps to time. Default: 20.")
@DATA_ROOT
def profile(preset: str | None, settings: tuple[str, ...], iterations: int, **flags: Any) -> None:
    """Measure training, evaluation and pool pass on this machine, beside a plain training loop."""
    from benchmark.experiment.loading import load_experiment
    from benchmark.measure.profile import profile as measured
    from benchmark.progress import Progress
    from benchmark.protocol.open_experiment import opened

    experiment = load_experiment(None, preset, fields_of(flags, settings))
    bench = opened(experiment, Path("results"), Progress(quiet=True))
    echo(measured(bench, iterations).text())
