"""Commands on seeds and images that no study uses: the gate of a preset, and what scores are worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completion
from benchmark.cli.jobs import engine_options
from benchmark.cli.options import (
    BUDGETS,
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
)

if TYPE_CHECKING:
    from benchmark.execution.resources import Wish
    from benchmark.experiment.config import Experiment

#: Whose scores are measured where neither a file nor an option says it.
MEASURED = "inconsistency,entropy,true-loss"


def add_commands(cli: click.Group) -> None:
    """Make these commands part of the command line."""
    cli.add_command(gate)
    cli.add_command(usefulness)


@click.command()
@click.argument("experiment", type=PATH, required=False)
@dataset_option("A data set by name, or the YAML file of your own. Default: rooms.")
@preset_option("The preset to judge. Default: quick.")
@NETWORK
@BUDGETS
@click.option("--seeds", default="100-102", help="Seeds, none of which a study should use. Default: 100-102.")
@settings_option("Any field: recipe.epochs=40.")
@DEVICE
@THREADS
@click.option("--out", type=PATH, help="Folder of results. Default: results/gate-NAME.")
@engine_options
@click.option("--quiet", is_flag=True, help="Print the result only.")
@DATA_ROOT
def gate(
    experiment: Path | None, settings: tuple[str, ...], out: Path | None, quiet: bool, **flags: Any
) -> None:
    """Judge whether a preset is fit for a study: whether labels make a difference that is larger than luck.

    It trains random selection (three draws a seed) and full data, and asks of every task that it learns. A
    preset that fails says what to change. Where images are rendered, they are others than a study's; with
    `--set development=0.25` the last quarter of the training images stands for the validation images: choose
    a recipe so. Exit code 1 if a criterion is not met. Run it again to go on after an interruption.
    """
    from benchmark.api.request import RESULTS
    from benchmark.execution.run_gate import gate as judged
    from benchmark.execution.run_gate import of_random
    from benchmark.progress import Progress

    asked, engine, wish = _asked(experiment, settings, flags)
    loaded = of_random(asked)
    result = judged(loaded, out or RESULTS / loaded.name, Progress(quiet), engine, wish)
    echo(f"\n{result.text}\n")
    click.echo(f"Numbers: {result.folder / 'tables' / 'gate.csv'}")
    sys.exit(0 if result.passed else 1)


@click.command()
@click.argument("experiment", type=PATH, required=False)
@dataset_option("A data set by name, or the YAML file of your own. Default: rooms.")
@preset_option("The preset whose first two budgets are trained. Default: quick.")
@click.option(
    "--strategies",
    help=f"Whose scores: comma-separated. Default: the file's; without one {MEASURED}.",
    shell_complete=completion.strategies,
)
@NETWORK
@BUDGETS
@click.option("--seeds", default="100-102", help="Seeds, none of which a study should use. Default: 100-102.")
@click.option(
    "--batches", type=click.IntRange(1), default=2, help="Batches of every fifth and seed. Default: 2."
)
@settings_option("Any field: development=0.25.")
@DEVICE
@THREADS
@click.option("--out", type=PATH, help="Folder of results. Default: results/usefulness-NAME.")
@engine_options
@click.option("--quiet", is_flag=True, help="Print the result only.")
@DATA_ROOT
def usefulness(
    experiment: Path | None,
    batches: int,
    settings: tuple[str, ...],
    out: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Measure what images are worth that a score puts high or low.

    After the first labelled set, the unlabelled images are put in the order of every strategy's scores and
    cut into fifths. Batches of each fifth, and random ones, are trained on together with the first set: how
    much does the loss fall? Beside it stands how much the score has to do with the network's true loss. A
    score may find images that are badly predicted and teach nothing. Where images are rendered, they are
    others than a study's; with `--set development=0.25` the last quarter of the training images stands for
    the validation images. Run it again to go on after an interruption, or with more batches or strategies.
    """
    from benchmark.api.request import RESULTS
    from benchmark.execution.run_usefulness import of_two_rounds
    from benchmark.execution.run_usefulness import usefulness as measured
    from benchmark.progress import Progress

    if experiment is None and flags["strategies"] is None:
        flags["strategies"] = MEASURED
    asked, engine, wish = _asked(experiment, settings, flags)
    loaded = of_two_rounds(asked)
    folder = out or RESULTS / loaded.name
    echo(f"\n{measured(loaded, folder, batches, Progress(quiet), engine, wish)}\n")
    click.echo(f"Numbers: {folder / 'tables' / 'usefulness.csv'}")


def _asked(
    experiment: Path | None, settings: tuple[str, ...], flags: dict[str, Any]
) -> tuple[Experiment, str | None, Wish]:
    """The experiment that a command was asked for, and where its jobs are to run."""
    from benchmark.execution.resources import Wish
    from benchmark.experiment.loading import load_experiment

    preset, engine = flags.pop("preset"), flags.pop("engine")
    wish = Wish(flags.pop("jobs"), flags.pop("per_device"))
    return load_experiment(experiment, preset, fields_of(flags, settings)), engine, wish
