"""The command on the cache of decoded images."""

from __future__ import annotations

import click


def add_commands(data: click.Group) -> None:
    """Make this command part of ``mtal data``."""
    data.add_command(cache)


@click.command()
@click.option("--prune", is_flag=True, help="Remove decoded images that were not opened for some time.")
@click.option("--days", type=click.FloatRange(0), default=30, help="How long, with --prune. Default: 30.")
def cache(prune: bool, days: float) -> None:
    """Show how much room the cache of decoded images takes, and free what is not used any more.

    Whatever is removed is decoded again when it is wanted. No data and no results are touched.
    """
    from benchmark.data.cache_folder import cache_folder
    from benchmark.data.cache_pruning import gigabytes, kept_sets, pruned, size_of

    removed = pruned(days) if prune else []
    for kept in [*removed, *kept_sets()]:
        click.echo(f"{kept.line}{' (removed)' if kept in removed else ''}")
    click.echo(f"{gigabytes(size_of(cache_folder()))}  in {cache_folder()}")
