"""The command line: parse, call, print. No logic, and nothing heavy imported before it is used."""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from benchmark.cli import cache as cli_cache
from benchmark.cli import doctor as cli_doctor
from benchmark.cli import jobs as cli_jobs
from benchmark.cli import results as cli_results
from benchmark.cli.jobs import engine_options
from benchmark.cli.options import (
    BUDGETS,
    DATA_ROOT,
    DEVICE,
    NETWORK,
    PATH,
    SEEDS,
    STRATEGIES,
    THREADS,
    echo,
    fields_of,
)
from benchmark.errors import UserError
from benchmark.optional_libraries import missing_library
from benchmark.words import terminal_width
from strategies.registry import RegistryError


class WholeSummaries(click.Group):
    """A group whose help shows each command's first sentence whole: click cuts it to one line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One entry a command, wrapped where the terminal is narrow."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(self.commands[name])) for name in self.list_commands(ctx)])


def _summary(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


@click.group(
    cls=WholeSummaries,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": terminal_width()},
)
@click.version_option(package_name="mtal-benchmark", prog_name="mtal")
def cli() -> None:
    """Benchmark active learning for multi-task dense prediction.

    Start with `mtal run`; `mtal list` shows what there is.
    """
    import baselines  # noqa: F401 - registers the built-in strategies
    from strategies.registry import discover

    discover()


@cli.command()
@click.argument("experiment", type=PATH, required=False)
@click.option("--dataset", help="A built-in data set (mtal list datasets), or the YAML file of your own.")
@click.option("--preset", help="Size: smoke, quick, standard or paper (mtal list presets). Default: quick.")
@NETWORK
@STRATEGIES
@SEEDS
@BUDGETS
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any field: recipe.iterations=500."
)
@DEVICE
@THREADS
@click.option("--out", type=PATH, help="Folder of results. Default: results/NAME.")
@engine_options
@click.option("--tracker", help="Send curves as they come to tensorboard, wandb, mlflow, or several (a,b).")
@click.option("--dry-run", is_flag=True, help="Print the jobs and what they would cost, and do nothing.")
@click.option("--timing/--no-timing", default=True, help="Say beforehand what the run will cost, or do not.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
@DATA_ROOT
def run(
    experiment: Path | None, settings: tuple[str, ...], out: Path | None, quiet: bool, **flags: Any
) -> None:
    """Train all strategies over seeds and budgets, and write tables and figures.

    Run the same command again to go on after an interruption, or with more strategies or seeds to add them.
    Relative paths in the YAML file of an experiment are relative to that file, those of options to the folder
    that you are in.
    """
    from benchmark.execution.resources import Wish
    from benchmark.execution.run import dry_run
    from benchmark.execution.run import run as run_experiment
    from benchmark.experiment.loading import load_experiment
    from benchmark.progress import Progress

    preset, only_planned, timing = (flags.pop(name) for name in ("preset", "dry_run", "timing"))
    wish = Wish(flags.pop("jobs"), flags.pop("per_device"))
    engine, tracker = flags.pop("engine"), flags.pop("tracker")
    loaded = load_experiment(experiment, preset, fields_of(flags, settings))
    folder = out or Path("results") / loaded.name
    if only_planned:
        echo(dry_run(loaded, folder, Progress(quiet), timing))
        return
    outcome = run_experiment(loaded, folder, Progress(quiet), timing, engine, wish, tracker)
    echo(f"\n{outcome.table}\n")
    if outcome.page:
        click.echo(f"Look at it in a browser: {outcome.page}")
        click.echo("The same command with more --seeds or --strategies adds them.")
    click.echo(f"Tables, figures and raw results: {outcome.folder}")
    if outcome.failures:
        click.echo("\nFailed:\n" + "\n".join(f"  {failure}" for failure in outcome.failures), err=True)
        sys.exit(1)


@cli.command()
@click.option("--dataset", help="A data set by name, or the YAML file of your own. Default: rooms.")
@click.option("--preset", help="The preset whose network and recipe are measured. Default: quick.")
@NETWORK
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any field: network.width=64.")
@DEVICE
@THREADS
@click.option("--iterations", type=click.IntRange(1), default=20, help="Training steps to time. Default: 20.")
@DATA_ROOT
def profile(preset: str | None, settings: tuple[str, ...], iterations: int, **flags: Any) -> None:
    """Measure training, evaluation and pool pass on this machine, beside a plain training loop."""
    from benchmark.experiment.loading import load_experiment
    from benchmark.measure.profile import profile as measured
    from benchmark.progress import Progress
    from benchmark.protocol.opening import opened

    experiment = load_experiment(None, preset, fields_of(flags, settings))
    bench = opened(experiment, Path("results"), Progress(quiet=True))
    echo(measured(bench, iterations).text())


@cli.command("list")
@click.argument(
    "what", type=click.Choice(["strategies", "datasets", "networks", "presets"]), default="strategies"
)
@click.option("--markdown", is_flag=True, help="Strategies as a Markdown table, with all that they need.")
def list_(what: str, markdown: bool) -> None:
    """List what there is: strategies (default), datasets, networks or presets."""
    from benchmark.authoring.listings import LISTINGS

    if markdown and what != "strategies":
        raise UserError(f"--markdown is for mtal list strategies; there is no such table of {what}.")
    if markdown:
        from benchmark.authoring.strategy_table import strategies_table

    click.echo(strategies_table() if markdown else LISTINGS[what]())


@cli.command()
@click.argument("strategy")
def show(strategy: str) -> None:
    """Show what a strategy does and needs, its parameters with defaults, and its source."""
    from benchmark.authoring.listings import describe_strategy

    click.echo(describe_strategy(strategy))


@cli.command("new-strategy")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_strategy(name: str, folder: Path) -> None:
    """Write a strategy file that works at once, with its test."""
    from benchmark.authoring.scaffold import write_strategy

    strategy, test = write_strategy(name, folder)
    click.echo(f"Wrote {strategy} and {test}. Check it: mtal check {strategy}")
    click.echo(f"Rank it: mtal run --strategies random,{strategy}:{name}")


@cli.command()
@click.argument("file", type=PATH)
def check(file: Path) -> None:
    """Run the contract that every built-in strategy keeps on the strategies of a Python file."""
    from benchmark.authoring.contract_check import check_file

    text, passed = check_file(file)
    click.echo(text)
    sys.exit(0 if passed else 1)


@cli.group(cls=WholeSummaries)
def data() -> None:
    """Look at data sets and check them."""


@data.command("check")
@click.argument("dataset")
@click.option("--quick", is_flag=True, help="Look at a sample of the images only.")
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of the data set.")
@DATA_ROOT
def data_check(dataset: str, quick: bool, settings: tuple[str, ...], data_root: Path | None) -> None:
    """Check a data set: counts, sizes, value ranges, what is missing, a digest."""
    from benchmark.data.check import check_dataset
    from benchmark.data.check_before_run import remember
    from benchmark.experiment.catalogue import open_dataset

    opened = open_dataset(dataset, fields_of({}, settings), data_root)
    found = check_dataset(opened, quick=quick)
    if not quick:
        remember(opened, found)
    echo(found.text())
    sys.exit(1 if found.problems else 0)


@data.command("describe")
@click.argument("dataset")
@click.option("--sheet", type=PATH, help="Write a contact sheet (PNG): images beside all their labels.")
@click.option("--split", type=click.Choice(["train", "val"]), default="train", help="Which images.")
@click.option("--count", type=click.IntRange(1, 200), default=8, help="How many images. Default: 8.")
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of the data set.")
@DATA_ROOT
def data_describe(
    dataset: str,
    sheet: Path | None,
    split: str,
    count: int,
    settings: tuple[str, ...],
    data_root: Path | None,
) -> None:
    """Say what a data set holds, and draw a contact sheet."""
    from benchmark.data.check import check_dataset
    from benchmark.data.sheet import write_sheet
    from benchmark.experiment.catalogue import open_dataset

    opened = open_dataset(dataset, fields_of({}, settings), data_root)
    echo(check_dataset(opened, quick=True).text())
    if sheet:
        write_sheet(opened, sheet, split=split, count=count)
        click.echo(f"sheet: {sheet}")


@data.command("export")
@click.argument("dataset")
@click.argument("folder", type=PATH)
@click.option(
    "--layout", required=True, help="folder (with its YAML file), nyud-a, nyud-b, nyud-c or nyud-d."
)
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of the data set.")
@DATA_ROOT
def data_export(
    dataset: str, folder: Path, layout: str, settings: tuple[str, ...], data_root: Path | None
) -> None:
    """Write a data set into a new folder, in a layout that other code reads."""
    from benchmark.data.export import export
    from benchmark.experiment.catalogue import open_dataset

    left_out = export(open_dataset(dataset, fields_of({}, settings), data_root), layout, folder)
    click.echo(f"Wrote {folder}" + (f", without {', '.join(left_out)}." if left_out else "."))


cli_results.add_commands(cli)
cli_jobs.add_commands(cli)
cli_doctor.add_commands(cli)
cli_cache.add_commands(data)


def main() -> NoReturn:
    """Run the command line; wrong input ends with one sentence and exit code 2, never a traceback."""
    warnings.formatwarning = _in_words
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGUSR1, lambda *_: signal.raise_signal(signal.SIGTERM))  # a scheduler's warning
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (UserError, RegistryError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 2))
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nStopped. Run the same command to go on; finished rounds are kept.", err=True)
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (missing := missing_library(error)) is None:
            raise
        click.echo(f"Error: {missing}", err=True)
        sys.exit(missing.exit_code)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:  # a folder that cannot be written to, a full disk
        click.echo(f"Error: {error}.", err=True)
        sys.exit(2)
    sys.exit(0)


def _in_words(message: Warning | str, category: type[Warning], *_: object, **__: object) -> str:
    """A warning as a sentence: where in the code it arose says nothing to who gave a command."""
    kind = "" if category is UserWarning else f"{category.__name__}: "
    return f"Warning: {kind}{message}\n"


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    click.echo("\nTerminated. Run the same command to go on; finished rounds are kept.", err=True)
    sys.exit(143)
