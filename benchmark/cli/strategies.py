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
    for command in (list_, show, new_strategy, new_network, new_backbone, new_task, new_dataset, check):
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


@click.command("new-strategy")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_strategy(name: str, folder: Path) -> None:
    """Write a strategy file that works at once, with its test."""
    from benchmark.authoring.scaffold import write_strategy

    strategy, test = write_strategy(name, folder)
    click.echo(f"Wrote {strategy} and {test}. Check it: mtal check {strategy}")
    click.echo(f"Rank it: mtal run --strategies random,{strategy}:{name}")


@click.command("new-network")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_network(name: str, folder: Path) -> None:
    """Write the file of a network that works at once, with its test."""
    from benchmark.authoring.scaffold import write_network

    network, test = write_network(name, folder)
    click.echo(f"Wrote {network} and {test}. Check it: mtal check {network}")
    click.echo(f"Train it: mtal run --network {network}:{name}")


@click.command("new-backbone")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_backbone(name: str, folder: Path) -> None:
    """Write the file of a backbone that works at once, with its test."""
    from benchmark.authoring.scaffold import write_backbone

    backbone, test = write_backbone(name, folder)
    click.echo(f"Wrote {backbone} and {test}. Check it: mtal check {backbone}")
    click.echo(f"Train on it: mtal run --set network.backbone={backbone}:{name}")


@click.command("new-task")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_task(name: str, folder: Path) -> None:
    """Write the file of a task, a loss and metrics of your own, that works at once, with its test."""
    from benchmark.authoring.scaffold import write_task

    task, test = write_task(name, folder)
    click.echo(f"Wrote {task} and {test}. Check it: mtal check {task}")
    click.echo(
        f"Use it in the YAML file of a data set: tasks: {{{name}: {{task: {task}:{name}, folder: ..}}}}"
    )


@click.command("new-dataset")
@click.argument("name")
@click.option("--folder", type=PATH, default=Path(), help="Where to write. Default: here.")
def new_dataset(name: str, folder: Path) -> None:
    """Write the file of a data set, a format of your own, that works at once, with its test."""
    from benchmark.authoring.scaffold import write_dataset

    dataset, test = write_dataset(name, folder)
    click.echo(f"Wrote {dataset} and {test}. Check it: mtal check {dataset}")
    click.echo(f"Look at it: mtal data describe {dataset}:{name} --sheet {dataset.stem}.png")
    click.echo(f"Run it: mtal run --dataset {dataset}:{name} --preset smoke")


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
