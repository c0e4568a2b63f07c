"""The command that plans a study from a pilot, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli import completion
from benchmark.cli.options import DATA_ROOT, PATH, echo, fields_of, study_options
from benchmark.errors import UserError

if TYPE_CHECKING:
    from benchmark.report.planning.proposal import Wish


def add_commands(cli: click.Group) -> None:
    """Make this command part of the command line."""
    cli.add_command(plan)


@click.command()
@study_options(
    "A data set by name, the YAML file of your own, or FILE.py:NAME. Default: rooms.",
    "The preset of the study. Default: quick.",
    "Any field: references=3.",
)
@click.option(
    "--difference", required=True, help="What is to be found: '5 % of the gap', or a number of NAUBC."
)
@click.option("--margin", help="A difference within it is equivalent: '5 % of the gap', or a number.")
@click.option("--power", type=click.FloatRange(0.5, 0.999), default=0.8, help="Default: 0.8.")
@click.option("--level", type=click.FloatRange(1e-4, 0.2), default=0.05, help="Default: 0.05.")
@click.option("--one-sided", is_flag=True, help="Ask only whether strategies are better.")
@click.option(
    "--looks", help="Seeds at which it is tested: 5,10,20. Default: once, at as many as are needed."
)
@click.option(
    "--bound",
    type=click.Choice(["obrien-fleming", "pocock"]),
    default="obrien-fleming",
    help="How looks share the level. Default: obrien-fleming.",
)
@click.option("--primary", help="The strategy that the study decides on.", shell_complete=completion.strategy)
@click.option("--against", default="random", help="What strategies are compared with. Default: random.")
@click.option(
    "--family",
    help="Strategies that are tested together, comma-separated. Default: the primary one, or else all.",
    shell_complete=completion.strategies,
)
@click.option(
    "--correction",
    type=click.Choice(["holm", "max-t"]),
    default="holm",
    help="How the family is corrected for. Default: holm.",
)
@click.option(
    "--from",
    "pilots",
    type=PATH,
    multiple=True,
    metavar="DIR_OR_ZIP",
    help="A pilot, of `mtal gate` or any with draws of random. Default: results/gate-NAME.",
)
@click.option("--out", type=PATH, default=Path("plan.yaml"), help="The plan. Default: plan.yaml.")
@DATA_ROOT
def plan(experiment: Path | None, settings: tuple[str, ...], **flags: Any) -> None:
    """Plan a study from a pilot: seeds, looks, power, what is tested, and what it costs.

    It prints what the results vary by and how many seeds find the difference, and writes the plan, which
    `mtal run --plan` keeps beside the results and their report tests by. Write it down before the study runs.
    """
    from benchmark.api.request import RESULTS
    from benchmark.experiment.loading import load_experiment
    from benchmark.experiment.study_plan import written_plan
    from benchmark.records.round_store import write_atomically
    from benchmark.report.planning.proposal_text import proposal_text

    pilots, out, preset = flags.pop("pilots"), flags.pop("out"), flags.pop("preset")
    wish = _wish(flags)
    loaded = load_experiment(experiment, preset, fields_of(flags, settings))
    if out.exists():
        raise UserError(f"{out} is there already: give another --out, or remove it.")
    made = _proposed(loaded, pilots or (RESULTS / f"gate-{loaded.name}",), wish)
    content = written_plan(made.plan())
    echo(proposal_text(made))
    write_atomically(out, content)
    click.echo(f"\nWrote {out}. Keep it before the study begins: mtal run --plan {out} ..")


def _proposed(experiment: Any, pilots: tuple[Path, ...], wish: Wish) -> Any:
    from benchmark.report import read_studies
    from benchmark.report.planning.pilot import read_pilot
    from benchmark.report.planning.proposal import proposed

    missing = next((pilot for pilot in pilots if not pilot.exists()), None)
    if missing is not None:
        raise UserError(f"There is no pilot {missing}: run `mtal gate` first, or name one with --from.")
    study = read_studies(pilots)
    return proposed(experiment, read_pilot(study, pilots), wish, study)


def _wish(flags: dict[str, Any]) -> Wish:
    """What these options ask for; they are taken out of them."""
    from benchmark.report.planning.proposal import Wish
    from strategies.registry import split_names

    family, primary, margin = (flags.pop(name) for name in ("family", "primary", "margin"))
    as_given = {name: flags.pop(name) for name in ("power", "level", "one_sided", "bound", "correction")}
    return Wish(
        difference=_size("--difference", flags.pop("difference")),
        margin=None if margin is None else _size("--margin", margin),
        looks=_looks(flags.pop("looks")),
        primary=_full(primary) if primary else None,
        against=_full(flags.pop("against")),
        family=tuple(map(_full, split_names(family))) if family else (),
        **as_given,
    )


def _full(name: str) -> str:
    from strategies.registry import resolve

    return resolve(name).name


def _size(option: str, text: str) -> Any:
    from benchmark.experiment.study_plan import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise UserError(f"{option} {error}.") from None


def _looks(text: str | None) -> tuple[int, ...]:
    from benchmark.experiment.study_plan import FEWEST, MOST_LOOKS

    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
        raise UserError(f"--looks must be numbers of seeds such as 5,10,20, not {text!r:.60}.")
    looks = tuple(map(int, parts))
    if looks and (looks[0] < FEWEST or len(looks) > MOST_LOOKS or list(looks) != sorted(set(looks))):
        raise UserError(
            f"--looks must rise from {FEWEST} seeds or more, at most {MOST_LOOKS} of them, not {text!r:.60}."
        )
    return looks
