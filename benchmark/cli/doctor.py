"""The command that looks at the machine before a study does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from benchmark.cli.json_document import JSON, echo_json
from benchmark.cli.options import DATA_ROOT, DEVICE, PATH, THREADS, fields_of, study_options
from benchmark.words import aligned


def add_commands(cli: click.Group) -> None:
    """Make this command part of the command line."""
    cli.add_command(doctor)


@click.command()
@study_options(
    "A data set by name, or the YAML file of your own.",
    "The preset to plan for: quick, standard, .. (mtal list presets).",
    "Any field: feed=disk.",
)
@DEVICE
@THREADS
@click.option("--out", type=PATH, help="Folder of results. Default: results, or results/NAME of a study.")
@DATA_ROOT
@JSON
def doctor(
    experiment: Path | None,
    preset: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Check this machine, and whether a study would run on it: a line a check, and what to do.

    Without an experiment, a data set or a preset, it looks at the machine and the results' folder alone.
    Nothing is left behind. Exit code 1 if there is a problem.
    """
    from benchmark.doctor import document, examined
    from benchmark.experiment.loading import load_experiment

    named = experiment or preset or settings or any(v for k, v in flags.items() if k != "data_root")
    study = load_experiment(experiment, preset, fields_of(flags, settings)) if named else None
    found = []
    for finding in examined(out or Path("results", study.name if study else ""), study):
        found.append(finding)
        if not as_json:
            click.echo(aligned([(f"{finding.word:<7}", f"{finding.check:<12}", finding.text)]))
    if as_json:
        echo_json(document(found))
    sys.exit(1 if any(finding.word == "problem" for finding in found) else 0)
