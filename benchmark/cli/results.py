"""Commands on results: report, compare, chosen, export, and the noise floor that they are read against."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from benchmark.cli import completion
from benchmark.cli.json_document import JSON, echo_json
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
)


def add_commands(cli: click.Group) -> None:
    """Make these commands part of the command line."""
    for command in (report, compare, chosen, export, noise):
        cli.add_command(command)


@click.command()
@click.argument("sources", metavar="DIR_OR_ZIP...", type=PATH, nargs=-1, required=True)
@click.option("--columns", type=click.IntRange(1, 2), default=1, help="Columns of a paper that figures span.")
@click.option(
    "--captions/--no-captions", default=True, help="Say below each figure what it shows. Default: yes."
)
@click.option(
    "--strategies", help="Comma-separated names: show these only.", shell_complete=completion.strategies
)
@click.option("--out", type=PATH, help="Where to write. Default: into the folder, or beside the zip file.")
def report(
    sources: tuple[Path, ...],
    columns: Literal[1, 2],
    captions: bool,
    strategies: str | None,
    out: Path | None,
) -> None:
    """Write tables, figures and the page of results, and print the main table.

    Several folders, or zip files of `mtal export`, make one report where their numbers compare. The folder of
    a sweep (`mtal run --vary`) has one that sets its variants side by side, and each variant its own.
    """
    from benchmark.records.sweep_folder import is_sweep
    from benchmark.report import write_report
    from benchmark.report.sweep import write_sweep_report
    from strategies.registry import split_names

    only = split_names(strategies) if strategies is not None else None
    if len(sources) == 1 and is_sweep(sources[0]) and out is None:
        written = write_sweep_report(
            sources[0], columns=columns, captions=captions, strategies=only, show=echo
        )
    else:
        written = write_report(
            *sources, columns=columns, captions=captions, strategies=only, out=out, show=echo
        )
    click.echo(f"\nLook at it in a browser: {written.page}")
    click.echo(f"Tables and figures: {written.page.parent}")


@click.command()
@click.argument("strategy", shell_complete=completion.strategy)
@click.argument("against", shell_complete=completion.strategy)
@click.argument("sources", metavar="DIR_OR_ZIP...", type=PATH, nargs=-1, required=True)
@JSON
def compare(strategy: str, against: str, sources: tuple[Path, ...], as_json: bool) -> None:
    """Say in words how one strategy does against another, paired by seed.

    Several folders, or zip files of `mtal export`, are one study where their numbers compare; of several data
    sets it says the mean share of the gap over them too.
    """
    from benchmark import load

    found = load(*sources).compare(strategy, against)
    echo_json(found.document) if as_json else echo(found.text)


@click.command()
@click.argument("folder", type=PATH)
@dataset_option("Where the YAML file of the data is now, if not where it was.")
@DATA_ROOT
def chosen(folder: Path, dataset: str | None, data_root: Path | None) -> None:
    """Say what each strategy chose, by the labels of the images: classes, rare ones, distances.

    An analysis after the study: it opens the data, which `mtal report` does not need.
    """
    from benchmark.report.results.archives import opened
    from benchmark.report.selections.chosen_labels import chosen_text

    with opened([folder]) as (results,):
        click.echo(chosen_text(results, data_root, dataset))


@click.command()
@click.argument("folder", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--without-scores",
    is_flag=True,
    help="Leave out scores and losses of single images: a tenth of the size.",
)
def export(folder: Path, out: Path, without_scores: bool) -> None:
    """Pack results into one zip file to share: raw numbers, selected ids, configuration, no weights."""
    from benchmark.report.results.archives import pack

    packed = pack(folder, out, scores=not without_scores)
    for name in packed.left_out:
        click.echo(f"Left out, for no run gives a file this name: {name!r}", err=True)
    click.echo(f"Wrote {out}: {packed.rounds} rounds. On any machine: mtal report {out} --out FOLDER")


@click.command()
@dataset_option("A data set by name, or the YAML file of your own. Default: rooms.")
@preset_option("The preset whose network, recipe and budgets are measured. Default: quick.")
@NETWORK
@click.option("--budgets", help="Comma-separated labelled images: counts or percent (10%,20%).")
@settings_option("Any field: network.width=64.")
@DEVICE
@THREADS
@click.option(
    "--trainings", type=click.IntRange(2), default=5, help="Trainings of one set, and sets. Default: 5."
)
@click.option("--out", type=PATH, help="Folder of results. Default: results/NAME, as for mtal run.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
@DATA_ROOT
def noise(
    preset: str | None,
    settings: tuple[str, ...],
    trainings: int,
    out: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Measure what two strategies differ by that choose alike, and so what a study could show.

    One labelled set is trained with several training seeds, at every budget, and as many random sets with
    one. Run it again to go on after an interruption. The report of the same folder prints it.
    """
    from benchmark.api.request import asked_for
    from benchmark.progress import Progress
    from benchmark.protocol.open_experiment import opened, require_weights
    from benchmark.protocol.references.noise_floor import check_noise, measure_noise
    from benchmark.records.results_folder import check_agreement, write_noise_head
    from benchmark.report.results.study import read_study
    from benchmark.report.validity.measured_noise import measured_text

    asked = asked_for(None, preset, fields_of(flags, settings), out)
    experiment, folder = asked.experiment, asked.folder
    check_noise(experiment)
    check_agreement(experiment, folder)
    require_weights(experiment, folder)
    bench = opened(experiment, folder, Progress(quiet))
    write_noise_head(bench, folder)
    measure_noise(bench, trainings)
    echo(measured_text(read_study(folder), bench.dataset.name))
