"""Commands on data sets: look at them, check them, write them elsewhere; and what was decoded before."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from benchmark.cli import completion
from benchmark.cli.json_document import JSON, echo_json
from benchmark.cli.options import (
    DATA_ROOT,
    PATH,
    WholeSummaries,
    echo,
    fields_of,
)


def add_commands(cli: click.Group) -> None:
    """Make this group part of the command line."""
    cli.add_command(data)


@click.group(cls=WholeSummaries)
def data() -> None:
    """Look at data sets and check them."""


@data.command("check")
@click.argument("dataset", shell_complete=completion.datasets)
@click.option("--quick", is_flag=True, help="Look at a sample of the images only.")
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of the data set.")
@DATA_ROOT
@JSON
def data_check(
    dataset: str, quick: bool, settings: tuple[str, ...], data_root: Path | None, as_json: bool
) -> None:
    """Check a data set: counts, sizes, value ranges, what is missing, a digest."""
    from benchmark.data.checks.before_run import remember
    from benchmark.data.checks.check import check_dataset
    from benchmark.experiment.catalogue import open_dataset

    opened = open_dataset(dataset, fields_of({}, settings), data_root)
    found = check_dataset(opened, quick=quick)
    if not quick:
        remember(opened, found)
    echo_json(found.document()) if as_json else echo(found.text())
    sys.exit(1 if found.problems else 0)


@data.command("describe")
@click.argument("dataset", shell_complete=completion.datasets)
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
    from benchmark.data.checks.check import check_dataset
    from benchmark.data.checks.sheet import write_sheet
    from benchmark.experiment.catalogue import open_dataset

    opened = open_dataset(dataset, fields_of({}, settings), data_root)
    echo(check_dataset(opened, quick=True).text())
    if sheet:
        write_sheet(opened, sheet, split=split, count=count)
        click.echo(f"sheet: {sheet}")


@data.command("export")
@click.argument("dataset", shell_complete=completion.datasets)
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


@data.command()
@click.option("--prune", is_flag=True, help="Remove decoded images that were not opened for some time.")
@click.option("--days", type=click.FloatRange(0), default=30, help="How long, with --prune. Default: 30.")
def cache(prune: bool, days: float) -> None:
    """Show how much room the cache of decoded images takes, and free what is not used any more.

    Whatever is removed is decoded again when it is wanted. No data and no results are touched.
    """
    from benchmark.data.cache_folder import cache_folder
    from benchmark.data.decoded.cache_pruning import gigabytes, kept_sets, pruned, size_of

    removed = pruned(days) if prune else []
    for kept in [*removed, *kept_sets()]:
        click.echo(f"{kept.line}{' (removed)' if kept in removed else ''}")
    click.echo(f"{gigabytes(size_of(cache_folder()))}  in {cache_folder()}")
