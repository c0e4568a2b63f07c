"""Commands on what there is to name, and for those who add strategies."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmark.cli import completion
from benchmark.cli.json_document import JSON, echo_json
from benchmark.cli.options import PATH
from benchmark.errors import UserError


def add_commands(cli: click.Group) -> None:
    """Make these commands part of the command line."""
    for command in (list_, show, *NEW, check):
        cli.add_command(command)


@click.command("list")
@click.argument(
    "what",
    type=click.Choice(["strategies", "datasets", "tasks", "networks", "backbones", "presets", "fields"]),
    default="strategies",
)
@click.option("--markdown", is_flag=True, help="Strategies as a Markdown table, with all that they need.")
@JSON
def list_(what: str, markdown: bool, as_json: bool) -> None:
    """List what there is: strategies if not told what, or data sets, networks, presets, fields, .."""
    from benchmark.authoring.listings import LISTINGS, listing_document

    if as_json and markdown:
        raise UserError("--json and --markdown are two forms of one list: give one of them.")
    if markdown and what != "strategies":
        raise UserError(f"--markdown is for mtal list strategies; there is no such table of {what}.")
    if as_json:
        echo_json(listing_document(what))
    elif markdown:
        from benchmark.authoring.strategy_table import strategies_table

        click.echo(strategies_table())
    else:
        click.echo(LISTINGS[what]())


@click.command()
@click.argument("name", shell_complete=completion.strategy)
@click.option("--kind", help="strategy, network, backbone, task or data set, where one name is several.")
def show(name: str, kind: str | None) -> None:
    """Show what a strategy, network or backbone is and needs, its options with defaults, and its source.

    NAME, or FILE.py:NAME; a strategy may have parameters set: NAME[key=value,...].
    """
    from benchmark.authoring.listings import describe

    click.echo(describe(name, kind))


def _new(kind: str, said: str, *after: str) -> click.Command:
    """The command that writes a file of a kind with its test, and what to do with them ``after``."""

    @click.command(f"new-{kind}", help=said)
    @click.argument("name")
    @click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
    def command(name: str, folder: Path) -> None:
        from benchmark.authoring.scaffold import WRITERS

        file, test = WRITERS[kind](name, folder)
        click.echo(f"Wrote {file} and {test}. Check it: mtal check {file}")
        for line in after:
            click.echo(line.format(name=name, here=f"{file}:{name}", stem=file.stem))

    return command


NEW = (
    _new(
        "strategy",
        "Write a strategy file that works at once, with its test.",
        "Rank it: mtal run --strategies random,{here}",
    ),
    _new(
        "network",
        "Write the file of a network that works at once, with its test.",
        "Train it: mtal run --network {here}",
    ),
    _new(
        "backbone",
        "Write the file of a backbone that works at once, with its test.",
        "Train on it: mtal run --set network.backbone={here}",
    ),
    _new(
        "task",
        "Write the file of a task, a loss and metrics of your own, that works at once, with its test.",
        "Use it in the YAML file of a data set: tasks: {{{name}: {{task: {here}, folder: ..}}}}",
    ),
    _new(
        "dataset",
        "Write the file of a data set, a format of your own, that works at once, with its test.",
        "Look at it: mtal data describe {here} --sheet {stem}.png",
        "Run it: mtal run --dataset {here} --preset smoke",
    ),
)


@click.command()
@click.argument("file", metavar="FILE.py[:NAME]", type=PATH)
def check(file: Path) -> None:
    """Run the contracts that all that is built in keeps on what a Python file registers.

    Strategies, networks, backbones, tasks and data sets; all of a file, or one by its name.
    """
    from benchmark.authoring.contract_check import check_file
    from strategies.registration import file_and_name

    named, name = file_and_name(str(file))
    text, passed = check_file(named, name) if named else check_file(file)
    click.echo(text)
    sys.exit(0 if passed else 1)
