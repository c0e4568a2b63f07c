"""Commands on data sets: fetch, check and look at them, write them elsewhere; and what was decoded before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.data.checks.check import CheckReport
    from benchmark.data.fetching.sources import Source


def add_commands(cli: click.Group) -> None:
    """Make this group part of the command line."""
    cli.add_command(data)


@click.group(cls=WholeSummaries)
def data() -> None:
    """Get data sets, look at them and check them."""


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
    found = _checked(dataset, fields_of({}, settings), data_root, quick)
    echo_json(found.document()) if as_json else echo(found.text())
    sys.exit(1 if found.problems else 0)


def _checked(dataset: str, options: dict[str, Any], data_root: Path | None, quick: bool) -> CheckReport:
    """What a check finds, noted for runs to come if it has looked at everything."""
    from benchmark.data.checks.before_run import remember
    from benchmark.data.checks.check import check_dataset
    from benchmark.experiment.catalogue import open_dataset

    opened = open_dataset(dataset, options, data_root)
    found = check_dataset(opened, quick=quick)
    if not quick:
        remember(opened, found)
    return found


@data.command("fetch")
@click.argument("name", shell_complete=completion.sources)
@click.argument("folder", type=PATH)
@click.option(
    "--revision", help="A branch, tag or commit. Default: what the folder was begun with, else the newest."
)
@click.option("--accept-terms", is_flag=True, help="Accept the terms without being asked for it.")
def data_fetch(name: str, folder: Path, revision: str | None, accept_terms: bool) -> None:
    """Download a data set from Hugging Face into a folder of its own, and check it.

    NAME is nyud: NYUD-v2 with 13 classes, about 3 GB. The data belong to others: their terms are shown first.

    The same command goes on after an interruption. fetched.json in the folder says which commit was fetched.
    HF_ENDPOINT names another hub. Exit code 1 if the check finds a problem.
    """
    from benchmark.data.fetching.fetch import fetch
    from benchmark.data.fetching.hub import check_online
    from benchmark.data.fetching.sources import check_readable, source_named

    source = source_named(name)
    check_readable(source)
    check_online()
    _ask_for_terms(source, accept_terms)
    record = fetch(source, folder, revision, lambda line: click.echo(line, err=True))
    click.echo(f"{source.repository} at commit {record.commit} is in {folder}.\n")
    found = _checked(name, {}, folder, quick=False)
    echo(found.text())
    click.echo(f"\nRun on it: mtal run --dataset {name} --data-root {folder}")
    sys.exit(1 if found.problems else 0)


def _ask_for_terms(source: Source, accepted: bool) -> None:
    """Show the terms. Raises UserError unless they are accepted."""
    echo(f"{source.title}\n\n{source.terms}\n")
    if not accepted and not sys.stdin.isatty():
        raise UserError("Nothing was fetched: --accept-terms says that you accept these terms.")
    if not accepted and not click.confirm("Do you accept these terms?"):
        raise UserError("Nothing was fetched, because the terms were not accepted.")


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
