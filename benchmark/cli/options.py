"""What several commands take: folders, the data's place, fields of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from benchmark.cli import completion
from benchmark.errors import UserError
from benchmark.words import paragraphs

Command = Callable[..., Any]
Option = Callable[[Command], Command]

PATH = click.Path(path_type=Path)
DATA_ROOT = click.option(
    "--data-root",
    type=PATH,
    help="Folder of the data, or the one that it lies in; before MTAL_DATA and the root of a YAML file.",
)
NETWORK = click.option(
    "--network",
    help="A network by name (mtal list networks), instead of the preset's.",
    shell_complete=completion.networks,
)
STRATEGIES = click.option(
    "--strategies",
    help="Comma-separated names, NAME[key=value,...] or FILE.py:NAME.",
    shell_complete=completion.strategies,
)
SEEDS = click.option("--seeds", help="How many seeds (5), which ones (0,3,7), or a range (3-5).")
BUDGETS = click.option(
    "--budgets", help="Comma-separated labelled images per round: counts or percent (10%,20%)."
)
DEVICE = click.option(
    "--device",
    help="auto, cpu, cuda or cuda:N. Default: the first GPU, or the CPU.",
    shell_complete=completion.devices,
)
THREADS = click.option(
    "--threads", type=click.IntRange(1), help="CPU threads. Default: what the preset says, or all cores."
)


def dataset_option(said: str) -> Option:
    """``--dataset``, with what it is for a command."""
    return click.option("--dataset", help=said, shell_complete=completion.datasets)


def preset_option(said: str) -> Option:
    """``--preset``, with what it is for a command."""
    return click.option("--preset", help=said, shell_complete=completion.presets)


def settings_option(said: str) -> Option:
    """``--set`` of any field of an experiment, with an example for a command."""
    return click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help=said)


def study_options(dataset: str, preset: str, settings: str) -> Option:
    """What says which study: the file of an experiment, or a preset, and fields over it."""
    options = (
        click.argument("experiment", type=PATH, required=False),
        *(dataset_option(dataset), preset_option(preset)),
        *(NETWORK, STRATEGIES, SEEDS, BUDGETS, settings_option(settings)),
    )
    return all_of(options)


def all_of(options: Sequence[Option]) -> Option:
    """Several options as one decorator; help shows them in this order."""

    def decorate(command: Command) -> Command:
        return reduce(lambda made, option: option(made), reversed(options), command)

    return decorate


class WholeSummaries(click.Group):
    """A group whose help shows each command's first sentence whole: click cuts it to one line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One entry a command, wrapped where the terminal is narrow."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(self.commands[name])) for name in self.list_commands(ctx)])


def _summary(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


def echo(text: str) -> None:
    """Print text, its prose in the width of the terminal."""
    click.echo(paragraphs(text))


def fields_of(flags: dict[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """The fields of an experiment that command-line options set. Raises UserError."""
    from benchmark.experiment.fields_from_options import as_fields

    fields = as_fields(flags)
    given = {_field_of(name): name for name in flags if _is_given(name)}
    for setting in settings:
        path = _set(fields, setting)
        if twice := next((field for field in given if f"{field}.".startswith(f"{path}.")), None):
            option = f"--{given[twice].replace('_', '-')}"
            raise UserError(f"{option} and --set {path} both give {twice}: leave one of them out.")
    return fields


def _field_of(name: str) -> str:
    """The field that an option sets: ``--network`` says only which."""
    return "network.name" if name == "network" else name


def _is_given(name: str) -> bool:
    """Whether somebody gave the option; a default gives way to ``--set``."""
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _set(fields: dict[str, Any], setting: str) -> str:
    """Set a field, and give its path."""
    from benchmark.experiment.fields_from_options import set_field
    from benchmark.untrusted_files import parsed_yaml

    path, equals, value = setting.partition("=")
    if not equals or not all(path.split(".")):
        raise UserError(f"--set must be FIELD=VALUE, such as recipe.iterations=500, not {setting!r}.")
    try:
        set_field(fields, path, parsed_yaml(value))
    except ValueError:
        raise UserError(
            f"--set {path}: {value!r:.200} is not a value; quote text that holds special signs."
        ) from None
    return path
