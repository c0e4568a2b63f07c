"""The command line: its groups of commands, and what wrong input and signals end with."""

from __future__ import annotations

import signal
import sys
import warnings
from types import FrameType
from typing import NoReturn

import click

from benchmark.cli import data, doctor, gate, jobs, plan, results, run, strategies
from benchmark.cli.options import WholeSummaries
from benchmark.errors import UserError
from benchmark.optional_libraries import missing_library
from benchmark.words import terminal_width
from strategies.registry import RegistryError


@click.group(
    cls=WholeSummaries,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": terminal_width()},
)
@click.version_option(package_name="mtal-benchmark", prog_name="mtal")
def cli() -> None:
    """Benchmark active learning for multi-task dense prediction.

    Start with `mtal run`; `mtal list` shows what there is.
    """
    from benchmark.experiment.discovery import discover_strategies

    discover_strategies()


for group in (run, strategies, data, results, jobs, doctor, gate, plan):
    group.add_commands(cli)


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
